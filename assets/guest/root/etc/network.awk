# Turns a network-config into lines that /etc/network carries out. What it understands:
#
# version 2: ethernets.ID with match.macaddress or match.name (a NIC of the name ID without either), dhcp4, addresses, gateway4,
#   gateway6, mtu, nameservers.addresses and routes of to, via and metric. A top-level `network:` around it all may be there.
# version 1: config entries of type physical with name, mac_address, mtu and subnets (type dhcp, dhcp4, static, static6; address,
#   netmask, gateway, dns_nameservers, routes of network or destination, netmask and gateway), and of type nameserver.
#
# `links` holds what NICs there are: NAME=MAC, with spaces between.

function truth(text) {
    return tolower(text) ~ /^(true|yes|on)$/
}

# Returns the name of the NIC with a MAC address, or of the first that a pattern with `*` fits.
function find(mac, pattern,    i, n, all, parts) {
    n = split(links, all, " ")
    gsub(/[.]/, "[.]", pattern)
    gsub(/[*]/, ".*", pattern)
    for (i = 1; i <= n; i++) {
        split(all[i], parts, "=")
        if (mac != "" ? parts[2] == tolower(mac) : parts[1] ~ ("^" pattern "$")) return parts[1]
    }
    return ""
}

# Prints a line for each element of a list, or for a single value.
function each(verb, path,    i) {
    if (path in value) print verb, value[path]
    for (i = 0; (path "/" i) in value; i++) print verb, value[path "/" i]
}

# Prints a route; anything for all addresses is `default`.
function route(nic, to, mask, via, metric) {
    if (mask != "" && to !~ /\//) to = to "/" mask
    if (to == "" || to == "0.0.0.0/0" || to == "::/0" || to == "0.0.0.0/0.0.0.0") to = "default"
    if (via != "") print "route", nic, to, via, metric
}

function version2(    path, seen, parts, prefix, id, nic, i, p) {
    prefix = below(root, "ethernets")
    for (path in value) {
        if (index(path, prefix "/") != 1) continue
        split(substr(path, length(prefix) + 2), parts, "/")
        id = parts[1]
        if (seen[id]++) continue
        p = prefix "/" id
        nic = id
        if ((p "/match/macaddress") in value) nic = find(value[p "/match/macaddress"], "")
        else if ((p "/match/name") in value) nic = find("", value[p "/match/name"])
        if (nic == "") continue
        print "up", nic
        if ((p "/mtu") in value) print "mtu", nic, value[p "/mtu"]
        each("address " nic, p "/addresses")
        if (truth(value[p "/dhcp4"])) print "dhcp", nic
        route(nic, "", "", value[p "/gateway4"], "")
        route(nic, "", "", value[p "/gateway6"], "")
        for (i = 0; (p "/routes/" i "/to") in value; i++) {
            route(nic, value[p "/routes/" i "/to"], "", value[p "/routes/" i "/via"], value[p "/routes/" i "/metric"])
        }
        each("nameserver", p "/nameservers/addresses")
    }
}

function subnet(nic, p,    type, address, i, r, to) {
    type = value[p "/type"]
    if (type ~ /^dhcp4?$/) print "dhcp", nic
    if (type !~ /^static/) return
    address = value[p "/address"]
    if (address !~ /\// && (p "/netmask") in value) address = address "/" value[p "/netmask"]
    print "address", nic, address
    route(nic, "", "", value[p "/gateway"], "")
    each("nameserver", p "/dns_nameservers")
    for (i = 0; (p "/routes/" i "/gateway") in value; i++) {
        r = p "/routes/" i
        to = ((r "/network") in value) ? value[r "/network"] : value[r "/destination"]
        route(nic, to, value[r "/netmask"], value[r "/gateway"], value[r "/metric"])
    }
}

function version1(    prefix, i, j, p, nic) {
    prefix = below(root, "config")
    for (i = 0; (prefix "/" i "/type") in value; i++) {
        p = prefix "/" i
        if (value[p "/type"] == "nameserver") each("nameserver", p "/address")
        if (value[p "/type"] != "physical") continue
        nic = value[p "/name"]
        if ((p "/mac_address") in value) nic = find(value[p "/mac_address"], "")
        if (nic == "") continue
        print "up", nic
        if ((p "/mtu") in value) print "mtu", nic, value[p "/mtu"]
        for (j = 0; (p "/subnets/" j "/type") in value; j++) subnet(nic, p "/subnets/" j)
    }
}

END {
    root = ("network/version" in value) ? "network" : ""
    if (value[below(root, "version")] == 1) version1()
    else version2()
}
