# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for ccbake.  It knows nothing itself: `ccbake --tables` prints a line for every option,
# VERB<TAB>--option<TAB>ARGUMENT<TAB>help, where an ARGUMENT written a|b|c is a choice; so is one in the first line of
# `ccbake VERB --help`.

# Completes a file name; "filenames" lets readline add the slash and the quotes.
_ccbake_files() {
    compopt -o filenames 2>/dev/null || : # not inside a completion: in a test
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Completes a recipe, and the directories on the way to one.
_ccbake_recipes() {
    compopt -o filenames 2>/dev/null || :
    mapfile -t COMPREPLY < <(compgen -f -X '!*.y*ml' -- "$1"; compgen -d -- "$1")
}

# From the first recipe on the command line: $1 "variables", its variables with an equals sign; $1 "steps", the ids of
# its steps.  `ccbake recipe --json` prints it that is indented by two blanks a level.
_ccbake_of_recipe() {
    local word
    for word in "${COMP_WORDS[@]:2}"; do
        [[ $word == *.y?(a)ml && -f $word ]] || continue
        "${COMP_WORDS[0]}" recipe --json "$word" 2>/dev/null | awk -v wanted="$1" '
            function flush() { if (id != "") print id; id = "" }
            /^    "/ { flush(); inside = $1 == "\"" wanted "\":" ; next }
            !inside { next }
            wanted == "variables" && /^      "/ { split($0, part, "\""); print part[2] "=" }
            wanted == "steps" && /^(      |        )"/ { flush(); split($0, part, "\""); id = part[2] }
            wanted == "steps" && /^          "id": "/ { split($0, part, "\""); id = part[4] }
            END { flush() }'
        return
    done
}

# The value of an option: $1 its ARGUMENT in the table, $2 what is typed of it.
_ccbake_value() {
    case $1 in
        STEP) mapfile -t COMPREPLY < <(compgen -W "$(_ccbake_of_recipe steps)" -- "$2") ;;
        NAME=VALUE)
            compopt -o nospace 2>/dev/null || :
            mapfile -t COMPREPLY < <(compgen -W "$(_ccbake_of_recipe variables)" -- "$2")
            ;;
        FORMATS) mapfile -t COMPREPLY < <(compgen -W "qcow2 vhd raw" -- "$2") ;;
        *"|"*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2") ;;
        FILE) _ccbake_files "$2" ;;
        *) COMPREPLY=() ;; # numbers and names: there is nothing to offer
    esac
}

# Completes the recipes that came with ccbake: $1 is put before their names, $2 is what is typed of both.
_ccbake_installed() {
    local names
    names=$("${COMP_WORDS[0]}" recipe --list 2>/dev/null | sed "s/^ccbake:/$1/; s/ .*//")
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$2")
}

_ccbake() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]} table option argument joined="" words=""
    COMPREPLY=()
    table=$("${COMP_WORDS[0]}" --tables 2>/dev/null) || return 0

    if ((COMP_CWORD == 1)); then
        words=$(cut -f 1 <<<"$table" | sort -u)
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$current")
        return 0
    fi

    # Bash splits --option=value at the equals sign: it is a word of its own.
    if [[ $current == = ]]; then
        option=$previous current="" joined=1
    elif [[ $previous == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]} joined=1
    else
        option=$previous
    fi
    if [[ $option == --* ]]; then
        argument=$(awk -F '\t' -v verb="$verb" -v option="$option" \
            '$1 == verb && $2 == option { print $3 }' <<<"$table")
        # "[NAME]" may be left out: a word of its own is something else.
        if [[ -n $argument && (-n $joined || $argument != "["*) ]]; then
            _ccbake_value "$argument" "$current"
            return 0
        fi
    fi

    if [[ $current == -* ]]; then
        words=$(awk -F '\t' -v verb="$verb" '$1 == verb { print $2 }' <<<"$table")
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return 0
    fi
    # Bash splits ccbake:NAME at the colon, too.
    if [[ $previous$current == ccbake: ]]; then
        _ccbake_installed "" ""
        return 0
    elif [[ $previous == : ]]; then
        _ccbake_installed "" "$current"
        return 0
    fi
    argument=$("${COMP_WORDS[0]}" "$verb" --help 2>/dev/null | sed -n '1s/.*\[OPTION\]\.\.\. *//p')
    argument=${argument%% *} # the first; of a choice only that is one
    if [[ $argument == *RECIPE* && -n $current && ccbake: == "$current"* && -z $(compgen -f -- "$current") ]]; then
        _ccbake_installed ccbake: "$current"
        return 0
    fi
    case $argument in
        *"|"*) if ((COMP_CWORD == 2)); then _ccbake_value "$argument" "$current"; else _ccbake_files "$current"; fi ;;
        *RECIPE*) _ccbake_recipes "$current" ;;
        *) _ccbake_files "$current" ;;
    esac
}

complete -F _ccbake ccbake
