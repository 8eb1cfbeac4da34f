/** The script for zsh, to be evaluated or to be a file of fpath. */
export const ZSH = `#compdef nanoctl
# Completions of nanoctl for zsh; nanoctl itself says what fits.
_nanoctl() {
  local line count meaning
  local -a before lines candidates
  # Up to the cursor, without quotes; nothing is evaluated.
  (( CURRENT > 2 )) && before=("\${(@Q)words[2,CURRENT-1]}")
  # By a pipe, as a token on the line must not get into the process list.
  lines=("\${(@f)$(printf '%s\\0' "\${before[@]}" "\${(Q)PREFIX}" |
    command nanoctl __complete 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    count=\${line#* }
    case $line in
      ("") ;;
      (":files "*)
        IPREFIX+=\${PREFIX[1,count]}
        PREFIX=\${PREFIX[count+1,-1]}
        _files
        return
        ;;
      (":command "*)
        shift "$((count + 1))" words
        ((CURRENT -= count + 1))
        _normal
        return
        ;;
      (*)
        meaning=\${line#*$'\\t'}
        candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${meaning:+:$meaning}")
        ;;
    esac
  done
  _describe -t values nanoctl candidates
}

# As a file of fpath this is the function's body; otherwise compinit ran before.
if [[ \${funcstack[1]} == _nanoctl ]]; then
  _nanoctl "$@"
else
  compdef _nanoctl nanoctl
fi`;
