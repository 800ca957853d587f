"""What real shells offer at the end of a command line that is being typed."""

import os
import pty
import select
import shlex
import signal
import subprocess
import tempfile
import time

SHELL_SECONDS = 30

# compadd is what completion functions hand matches to. With -O, -A or -D it only
# filters; otherwise what it is given is offered.
ZSHRC = r"""
PROMPT= PS2= RPROMPT=
fpath=($ZDOTDIR $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
  local -a matches
  if [[ "${@[1,(i)(-|--)]} " != *-(O|A|D)\ * ]]; then
    builtin compadd -O matches "$@"
    (( $#matches )) && print -rl -- $matches >>$ZDOTDIR/matches
  fi
  builtin compadd "$@"
}
capture() {
  _main_complete
  exit
}
zle -C capture complete-word capture
bindkey '^I' capture
print -r ready
"""

BASH = r"""
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_echproxy
printf '%s\n' "${COMPREPLY[@]}"
"""


def output_of(*argv):
    return subprocess.run(
        argv, check=True, capture_output=True, text=True, timeout=SHELL_SECONDS
    ).stdout


def bash(path, *words):
    """The matches for the last of `words`."""
    offered = output_of(
        "bash", "--norc", "-c", BASH, "bash", path, "echproxy", *words
    )
    return set(offered.split())


def fish(path, *words):
    line = "source {}; complete -C {}".format(
        shlex.quote(path), shlex.quote(" ".join(("echproxy",) + words))
    )
    offered = output_of("fish", "--no-config", "-c", line)
    return {match.split("\t")[0] for match in offered.splitlines()}


def zsh(path, *words):
    """Completion exists in an interactive zsh only, which needs a terminal."""
    with tempfile.TemporaryDirectory() as scratch:
        os.symlink(path, os.path.join(scratch, "_echproxy"))
        with open(os.path.join(scratch, ".zshrc"), "w") as zshrc:
            zshrc.write(ZSHRC)
        type_at_zsh(scratch, " ".join(("echproxy",) + words) + "\t")
        try:
            with open(os.path.join(scratch, "matches")) as matches:
                return set(matches.read().split())
        except FileNotFoundError:
            return set()


def type_at_zsh(zdotdir, keys):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(ZDOTDIR=zdotdir, TERM="dumb")
        os.execlp("zsh", "zsh", "-d", "-i")
    end = time.monotonic() + SHELL_SECONDS
    seen = b""
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # the shell has ended
            break
        if keys and b"ready" in seen:
            os.write(terminal, keys.encode())
            keys = None
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)
    if time.monotonic() >= end:
        raise TimeoutError("zsh said: {!r}".format(seen))
