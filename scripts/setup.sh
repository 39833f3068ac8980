#!/usr/bin/env bash
# Makes the checkout ready: Java at hand, uv, the virtual environment of requirements.lock,
# and the jars that Spark needs beside its own.
# With `s3` it also fetches what a lake on S3 needs, and a server of S3 for the tests.
# Each step leaves a stamp with what it was done for, so a second call has nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly setup=.local/setup
readonly uv=$setup/uv/bin/uv
readonly python=.venv/bin/python
readonly spark_jars=.venv/lib/python3.11/site-packages/pyspark/jars
readonly reach_index="see whether the package index can be reached, then run make again"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
export UV_PYTHON_DOWNLOADS=never
# A firm's proxy shows a certificate that the system trusts and that uv's own list does not know.
[[ ! -e /etc/ssl/certs/ca-certificates.crt ]] || export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}

main() {
  local java_release wanted
  java_release=$(find_java_release)
  wanted=$(fingerprint requirements.lock pyproject.toml jobs/__init__.py scripts/*.* "$java_release")
  [[ -e $python ]] && is_done all .local/jars "$wanted" && return

  mkdir -p $setup
  exec 9>$setup/lock
  flock --nonblock 9 || { say "another make is setting up; waiting for it"; flock 9; }
  [[ -e $python ]] && is_done all .local/jars "$wanted" && return

  check_java
  # Whatever a kill leaves is looked at step by step, also by the code of another commit.
  rm -f $setup/all.done
  once "uv" install_uv $setup/uv/bin/python scripts/uv.lock
  once "Python packages" install_packages $python scripts/uv.lock requirements.lock
  once "the project itself" install_project $python requirements.lock pyproject.toml jobs/__init__.py
  once "Spark's jars" install_jars .local/jars scripts/ivy.xml scripts/ivysettings.xml scripts/jars.sha256
  echo "$wanted" >$setup/all.done
}

# once WHAT STEP MADE FILE...: runs the step unless what it makes is there, made from just these files.
once() {
  local what=$1 step=$2 made=$3 wanted started=$SECONDS
  wanted=$(fingerprint "${@:4}")
  is_done "$step" "$made" "$wanted" && return
  say "$what ..."
  rm -f "$setup/$step.done"
  "$step"
  echo "$wanted" >"$setup/$step.done"
  say "$what: $((SECONDS - started)) s"
}

is_done() {
  local found
  [[ -e $2 ]] && { read -r found <"$setup/$1.done"; } 2>/dev/null && [[ $found == "$3" ]]
}

# Of the files, and of where the checkout lies: its path is written into the environment.
fingerprint() {
  { cat "$@"; pwd; } | sha256sum
}

# The file that says which Java this is: much sooner read than Java is asked.
find_java_release() {
  local binary
  binary=$(readlink -f "$(command -v "$java")" || true)
  [[ -e ${binary%/bin/java}/release ]] && echo "${binary%/bin/java}/release" || echo /dev/null
}

check_java() {
  local found hint
  # Not its first line: that may tell of JAVA_TOOL_OPTIONS.
  found=$("$java" -version 2>&1 | sed -n '/ version "/p') || found=
  [[ $found == *' version "17'* ]] && return
  found=${found:-no java}
  hint=$(compgen -G '/usr/lib/jvm/*17*/bin/java' | head -n 1) || true
  if [[ -n $hint ]]; then
    fail "Java 17" "$found" "export JAVA_HOME=${hint%/bin/java}"
  fi
  fail "Java 17" "$found" "apt-get install openjdk-17-jre-headless (or set JAVA_HOME to a Java 17)"
}

install_uv() {
  local system_python
  system_python=$(find_python) || fail "Python 3.11" "$(python3 --version 2>&1 || true)" "apt-get install python3.11 python3.11-venv"
  rm -rf $setup/uv
  "$system_python" -m venv $setup/uv || fail "Python's venv module" "an error (above)" "apt-get install python3.11-venv"
  $setup/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r scripts/uv.lock ||
    fail "the packages of scripts/uv.lock" "an error (above)" "$reach_index"
}

find_python() {
  local candidate
  for candidate in python3.11 python3 /usr/bin/python3.11; do
    "$candidate" -c 'import sys; sys.version_info[:2] == (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null && return
  done
  return 1
}

install_packages() {
  # A set-up that was killed half-way may have left half a package, which a sync would take for whole.
  local begun=$setup/packages.begun anew=
  [[ -e $python && ! -e $begun ]] || anew=1
  touch $begun
  if [[ $anew ]]; then
    rm -f $setup/install_project.done
    $uv venv --quiet --clear --relocatable --python $setup/uv/bin/python .venv
  fi
  $uv pip sync "${quiet[@]}" --python .venv --require-hashes --compile-bytecode \
    --build-constraints requirements.lock requirements.lock ||
    fail "the packages of requirements.lock" "an error (above)" "$reach_index"
  rm $begun
}

install_project() {
  $uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
}

install_jars() {
  fetch_jars scripts/ivy.xml scripts/jars.sha256 "[artifact]-[revision].[ext]"
  rm -rf .local/jars
  mv $setup/jars .local/jars
}

install_s3() {
  fetch_jars scripts/s3/ivy.xml scripts/s3/jars.sha256 "[conf]/[artifact]-[revision].[ext]"
  # Delta's own log store of S3 excludes no second driver. Spark has the compiler.
  "$java" -cp "$spark_jars/*:.local/jars/*:$setup/jars/client/*" scala.tools.nsc.Main -usejavacp -release 17 -nowarn \
    -d $setup/jars/client/echolake-s3.jar scripts/s3/ConditionalLogStore.scala ||
    fail "scripts/s3/ConditionalLogStore.scala to compile" "an error (above)" "mend it"
  rm -rf .local/jars-s3 .local/s3proxy
  mv $setup/jars/server .local/s3proxy
  mv $setup/jars/client .local/jars-s3
}

# fetch_jars IVY_FILE CHECKSUMS PATTERN: into $setup/jars.
fetch_jars() {
  local ivy=$setup/ivy new=$setup/jars
  rm -rf $ivy $new
  "$java" "-Divy.default.ivy.user.dir=$PWD/$ivy" -jar $spark_jars/ivy-*.jar \
    -settings scripts/ivysettings.xml -ivy "$1" -cache $ivy -retrieve "$new/$3" >$setup/ivy.log 2>&1 ||
    fail "the jars of $1" "$(grep -m 1 -oE '(Server access error|SERVER ERROR) .*' $setup/ivy.log || echo "an error")" \
      "see whether Maven Central can be reached; the whole log is $setup/ivy.log"
  (cd $new && sha256sum --check --quiet --strict "../../../$2") ||
    fail "the jars of $2" "others (above)" "run make again; if it stays so, do not trust them"
  rm -rf $ivy
}

say() { echo "setup: $*" >&2; }

fail() {
  printf 'setup: expected %s\nsetup: found %s\nsetup: to do: %s\n' "$@" >&2
  exit 1
}

# Progress for a person who waits; nothing for a log.
quiet=()
[[ -t 2 ]] || quiet=(--quiet)

main
if [[ ${1:-} == s3 ]]; then
  exec 9>$setup/lock
  flock 9
  once "what a lake on S3 needs" install_s3 .local/jars-s3 scripts/s3/* requirements.lock
fi
