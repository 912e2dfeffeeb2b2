# Reads the part of YAML that seeds are written in, and fills the array `value`: the text of each scalar under its path,
# with "/" between keys and list indexes counted from 0: `ethernets/ens3/addresses/0`; the array `elements` holds the length of
# each list under its path. Block and flow collections, quoted
# scalars and literal blocks (`|`) are understood; anchors, tags, folded blocks and collections over several lines in brackets
# are not. Used in front of another program: awk -f yaml.awk -f other.awk FILE.

# Opens an entry: what is written further right belongs to it.
function push(indent, path, item) {
    depth++
    indents[depth] = indent
    paths[depth] = path
    items[depth] = item
}

# Returns the path of an entry below another.
function below(path, key) {
    return path == "" ? key : path "/" key
}

# Returns the length of the scalar at the start of `text`: quoted, or up to the first of the characters `ends`.
function scalar_length(text, ends,    quote, i, c) {
    quote = substr(text, 1, 1)
    if (quote != "'" && quote != "\"") {
        for (i = 1; i <= length(text); i++) {
            if (index(ends, substr(text, i, 1))) break
        }
        return i - 1
    }
    for (i = 2; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\\" && quote == "\"") i++
        else if (c == quote && quote == "'" && substr(text, i + 1, 1) == quote) i++
        else if (c == quote) return i
    }
    return length(text)
}

# Returns what a scalar stands for.
function plain(text,    quote, out, i, c) {
    sub(/[ \t]+$/, "", text)
    quote = substr(text, 1, 1)
    if (quote != "'" && quote != "\"") return text
    for (i = 2; i < length(text); i++) {
        c = substr(text, i, 1)
        if (c == quote) i++
        else if (c == "\\" && quote == "\"") {
            c = substr(text, ++i, 1)
            if (c == "n") c = "\n"
            else if (c == "t") c = "\t"
        }
        out = out c
    }
    return out
}

# Takes a value at the start of the global `flow` and leaves what follows it there.
function take_flow(path,    open, n, key, len) {
    sub(/^[ \t]+/, "", flow)
    open = substr(flow, 1, 1)
    if (open != "[" && open != "{") {
        len = scalar_length(flow, ",]}")
        value[path] = plain(substr(flow, 1, len))
        flow = substr(flow, len + 1)
        return
    }
    flow = substr(flow, 2)
    for (n = 0; ; n++) {
        sub(/^[ \t,]+/, "", flow)
        if (flow == "" || flow ~ /^[]}]/) break
        if (open == "{") {
            len = scalar_length(flow, ":")
            key = plain(substr(flow, 1, len))
            flow = substr(flow, len + 1)
            sub(/^[ \t]*:/, "", flow)
        } else {
            key = n
        }
        take_flow(below(path, key))
    }
    if (open == "[") elements[path] = n
    flow = substr(flow, 2)
}

# Sets the value of an entry whose key or dash stands at `indent`.
function set(path, indent, text) {
    if (text ~ /^\|[-+0-9]*$/) {
        block = path
        block_indent = indent
        block_margin = -1
        value[path] = ""
    } else if (text ~ /^[[{]/) {
        flow = text
        take_flow(path)
    } else {
        value[path] = plain(text)
    }
}

# Reads one entry: `- entry`, `key: value`, `key:` or a scalar that is an element of a list.
function entry(indent, text,    path, len, rest, key) {
    if (text == "-" || text ~ /^- /) {
        while (depth && (indents[depth] > indent || (indents[depth] == indent && items[depth]))) depth--
        path = depth ? paths[depth] : ""
        path = below(path, elements[path]++ + 0)
        push(indent, path, 1)
        rest = substr(text, 2)
        match(rest, /^ */)
        if (length(rest) > RLENGTH) entry(indent + 1 + RLENGTH, substr(rest, RLENGTH + 1))
        return
    }
    if (text ~ /^["']/) len = scalar_length(text, "")
    else len = match(text, /:( |$)/) ? RSTART - 1 : length(text)
    if (text !~ /^[[{]/ && substr(text, len + 1) ~ /^:( |$)/) {
        key = plain(substr(text, 1, len))
        rest = substr(text, len + 2)
        sub(/^ +/, "", rest)
        while (depth && indents[depth] >= indent) depth--
        path = below(depth ? paths[depth] : "", key)
        push(indent, path, 0)
        if (rest != "") set(path, indent, rest)
    } else if (depth) {
        set(paths[depth], indents[depth], text)
    }
}

# Returns a line without its comment.
function uncomment(line,    i, c, quote) {
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quote != "") {
            if (c == "\\" && quote == "\"") i++
            else if (c == quote) quote = ""
        } else if ((c == "\"" || c == "'") && (i == 1 || substr(line, i - 1, 1) ~ /[[ {,:-]/)) {
            quote = c
        } else if (c == "#" && (i == 1 || substr(line, i - 1, 1) ~ /[ \t]/)) {
            return substr(line, 1, i - 1)
        }
    }
    return line
}

{
    sub(/\r$/, "")
    if (block != "") {
        match($0, /^ */)
        if (RLENGTH == length($0) || RLENGTH > block_indent) {
            if (block_margin < 0 && RLENGTH < length($0)) block_margin = RLENGTH
            value[block] = value[block] substr($0, (block_margin < 0 ? 0 : block_margin) + 1) "\n"
            next
        }
        block = ""
    }
    line = uncomment($0)
    sub(/[ \t]+$/, "", line)
    if (line == "" || line ~ /^(---|\.\.\.|%.*)$/) next
    match(line, /^ */)
    entry(RLENGTH, substr(line, RLENGTH + 1))
}
