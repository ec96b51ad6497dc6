//! `upgrade-gate policies collect`: a shell script that collects what the policies ask for, so that
//! `check` can judge it without an `unknown`.

use std::io::Write;

use crate::{
    cli::CollectArgs,
    error::{Error, print},
    policy_set::{self, Loaded},
    record,
    verdict::Outcome,
};

/// # Errors
/// [`Error`]: a policy, or standard output.
pub fn collect(args: &CollectArgs) -> Result<Outcome, Error> {
    let script = script(&policy_set::load(&args.policies)?);
    print(|stdout| stdout.write_all(script.as_bytes()))?;
    Ok(Outcome::Passed)
}

/// One file for each kind, by the name of its resource: a typed list proves by itself what it holds all
/// of, and the list of CustomResourceDefinitions what is not installed. Beside them the records of what was asked.
fn script(policies: &[Loaded]) -> String {
    // CustomResourceDefinitions come first, for the script looks into them.
    let named = policy_set::resources(policies).into_iter().filter(|resource| !resource.version.is_empty());
    let gets = named.map(|resource| format!("get {}.json '{}{}'\n", resource.name, resource.path(), resource.query()));
    let head = HEAD.replace("RECORDS", record::FILE).replace("RECORD", record::line(Some("%s"), "%s").trim_end());
    format!("{head}{}{TAIL}", gets.collect::<String>())
}

/// How the script finds the API server's path is told in `docs/check.md`.
///
/// Source: client-go `rest/request.go`, `RequestURI`, before and after commit 25d4fa6ba, which came with kubectl 1.34;
/// `transport/round_trippers.go` for what `-v=6` shows: the URL of each request, and no credentials.
const HEAD: &str = r#"#!/bin/sh
# Collects what the policies of upgrade-gate ask for, one file for each kind, with kubectl and its current context.
#
#   sh collect.sh [FOLDER]      FOLDER must not exist yet; upgrade-gate-snapshot if not named
#   upgrade-gate check FOLDER
#
# It only reads: one `kubectl get --raw` for each line at the end. All that it needs is the right to list these kinds
# in the whole cluster. It writes the API server's answers into FOLDER, which only you can read, and beside them what
# was asked for, in RECORDS: keep that file with them. It writes nothing else.
# Exit code 1: something was not collected, and standard error says why. Exit code 2: nothing was collected, and there is no
# new FOLDER.
set -u
umask 077
folder=${1:-upgrade-gate-snapshot}
case $folder in -*) folder=./$folder ;; esac
crds=$folder/customresourcedefinitions.apiextensions.k8s.io.json
records=$folder/RECORDS
code=0

# What is not whole is removed, and FOLDER if nothing was collected.
clean() {
    rm -f "$folder/part"
    rmdir "$folder" 2>/dev/null
}

# PATH [FLAG]: what the API server of the context answers. The context stays the same, whatever becomes the current one.
ask() {
    kubectl get --raw "$prefix$1" --context="$context" --request-timeout=5m ${2+"$2"}
}

# The API server may lie below a path, as behind Rancher and other proxies. `kubectl get --raw` adds that path since 1.34;
# before, it has to be told, or it asks whoever answers at the root. Which of them this kubectl does, its log shows.
find_prefix() {
    prefix=
    server=$(kubectl config view --minify --context="$context" -o 'jsonpath={.clusters[0].cluster.server}' 2>/dev/null)
    # Without a context, as in a Pod, there is no path.
    [ -n "$server$context" ] || return 0
    [ -n "$server" ] || { echo 'kubectl does not say where the API server of this context is' >&2; return 1; }
    server=${server#*://}
    while [ "$server" != "${server%/}" ]; do server=${server%/}; done
    case $server in */*) ;; *) return 0 ;; esac
    for prefix in "/${server#*/}" ''; do
        case $(ask /version -v=6 2>&1 >/dev/null) in *"://$server/version"[!/]*) return 0 ;; esac
    done
    printf "kubectl get --raw does not ask %s, where the context leads: 'kubectl get --raw /version -v=6' shows whom\\n" \
        "$server" >&2
    return 1
}

# PLURAL.GROUP ERROR: whether the API server has no such kind, and the CustomResourceDefinitions, which were collected,
# do not have it either. Kubernetes' own kinds are none of these: their groups end in .k8s.io, or have no dot.
is_not_installed() {
    case $2 in *'Error from server (NotFound)'*) ;; *) return 1 ;; esac
    case $1 in *.k8s.io) return 1 ;; *.*.*) ;; *) return 1 ;; esac
    [ -f "$crds" ] && ! grep -qF "\"name\":\"$1\"" "$crds"
}

# FILE PATH: that FILE has all that is at PATH.
record() {
    [ -f "$records" ] || : >"$records" && printf 'RECORD\n' "$1" "$2" >>"$records"
}

# FILE PATH: the API server's own typed list. A kind that is not installed has none.
get() {
    if error=$(ask "$2" 2>&1 >|"$folder/part") &&
        error='the answer is no list' && grep -q '"kind":"[A-Za-z0-9]*List"' "$folder/part" &&
        error=$(mv "$folder/part" "$folder/$1" 2>&1 && record "$1" "$2" 2>&1); then
        echo "collected      $1"
    elif is_not_installed "${1%.json}" "$error"; then
        echo "not installed  $1"
    else
        printf 'failed         %s: %s (%s)\n' "$1" "$error" "$2" >&2
        code=1
        # Nothing yet, and no answer of an API server: the next one would fail as well.
        case $error in *'Error from server'*) ;; *) clean && exit 1 ;; esac
    fi
}

command -v kubectl >/dev/null || { echo 'kubectl is not in PATH' >&2; exit 2; }
context=$(kubectl config current-context 2>/dev/null) && printf 'context        %s\n' "$context" >&2
find_prefix || exit 2
mkdir "$folder" || exit 2
trap 'clean; exit 1' HUP INT TERM

"#;

const TAIL: &str = r#"
clean
exit "$code"
"#;
