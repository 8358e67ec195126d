# Completion of bottle for bash: `bottle completion bash` prints this file. The program itself says what may come next.
_bottle() {
    local value
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        COMPREPLY+=("$value")
    done < <(command bottle __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _bottle bottle
