# Prints the value at `path`; of a list, each scalar in the form that printf's %b gives back as it was, one a line.
END {
    if (path in value) print value[path]
    for (i = 0; i < elements[path]; i++) {
        if (!((path "/" i) in value)) continue
        text = value[path "/" i]
        gsub(/\\/, "\\\\", text)
        gsub(/\n/, "\\n", text)
        print text
    }
}
