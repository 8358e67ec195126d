# Completion of bottle for fish: `bottle completion fish` prints this file. The program itself says what may come next.
function __bottle_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l found (command bottle __complete $before[2..] "$word" 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$word"
    end
end
complete -c bottle -f -a '(__bottle_complete)'
