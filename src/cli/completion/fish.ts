/** The script for fish. */
export const FISH =
  `# Completions of nanoctl for fish; nanoctl itself says what fits.
function __nanoctl_complete
    # Unlike the other shells, fish would complain aloud.
    command -q nanoctl; or return
    # Up to the cursor. A quote that is still open is not part of the word.
    set -l before (commandline -opc)
    set -e before[1]
    set -l raw (commandline -ct)
    set -l word (string trim --left --chars='"\\'' -- "$raw")
    # By a pipe, as a token on the line must not get into the process list.
    for line in (printf '%s\\0' $before "$word" | command nanoctl __complete 2>/dev/null)
        set -l count (string replace -r '^.* ' '' -- $line)
        switch $line
            case ':files *'
                # As behind a command that has no completions.
                set -l joined (string sub -l $count -- "$word")
                printf '%s\\n' "$joined"(complete -C "'' "(string sub -s (math $count + 1) -- "$raw"))
            case ':command *'
                set -l rest (string escape -- $before[(math $count + 1)..-1])
                complete -C "$rest $raw"
            case '*'
                printf '%s\\n' $line
        end
    end
end

complete -c nanoctl -e
complete -c nanoctl -f -a '(__nanoctl_complete)'`;
