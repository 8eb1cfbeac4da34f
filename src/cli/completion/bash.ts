/** The script for bash. It joins the words that bash splits; {@linkcode complete} answers it. */
export const BASH =
  `# Completions of nanoctl for bash 4 and later; nanoctl itself says what fits.
_nanoctl() {
  # Up to the cursor. What bash split at = and : belongs together.
  local rest=\${COMP_LINE:0:COMP_POINT} words=() part i
  rest=\${rest#"\${COMP_WORDS[0]}"}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    [[ $i == 1 || $rest == [[:space:]]* ]] && words+=("")
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    part=\${COMP_WORDS[i]}
    [[ $i == "$COMP_CWORD" ]] && part=$rest
    words[\${#words[@]} - 1]+=$part
    rest=\${rest#"$part"}
  done
  COMPREPLY=()
  # Behind a redirection is a file.
  if [[ $3 && -z \${3//[<>&|]/} ]]; then
    compopt -o default
    return
  fi
  # Quotes go, and nothing is evaluated. readline replaces $2, a part of the word.
  words=("\${words[@]//[\\"\\'\\\\]/}")
  local word=\${words[\${#words[@]} - 1]} replaced=\${2//[\\"\\'\\\\]/} line
  local kept=\${word%"$replaced"}
  # By a pipe, as a token on the line must not get into the process list.
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    case $line in
      ":files "*) compopt -o default ;;
      ":command "*) _nanoctl_command "$2" "$((\${#words[@]} - \${line#* }))" ;;
      "$word"*) COMPREPLY+=("\${line#"$kept"}") ;;
    esac
  done < <(printf '%s\\0' "\${words[@]}" | command nanoctl __complete 2>/dev/null)
}

# A word of the command line that exec runs, of which it is the first or a later one.
_nanoctl_command() {
  local i name
  if declare -F _command_offset >/dev/null; then
    # The package bash-completion knows how other programs complete.
    for ((i = 1; i < COMP_CWORD; i++)); do
      [[ \${COMP_WORDS[i]} == -- ]] && break
    done
    _command_offset "$((i + 1))"
  elif [[ $2 == 1 && $1 != */* ]]; then
    while IFS= read -r name; do
      COMPREPLY+=("$name")
    done < <(compgen -c -- "$1" | sort -u)
  else
    compopt -o default
  fi
}

complete -F _nanoctl nanoctl`;
