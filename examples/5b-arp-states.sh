#!/bin/sh
# The life of a neighbour entry: REACHABLE → STALE → DELAY → PROBE → FAILED.
#
# ARP is asked once per neighbour, and the answer is kept. After a while it is not trusted any more (STALE), but still
# used: the next packet goes out at once, and the entry waits for a sign of life (DELAY). Without one, the neighbour
# itself is asked (PROBE), three times; without an answer it is given up (FAILED). Here the times are set short.
. "$(dirname "$0")/world.sh"
run 'ip link add br0 type bridge; ip link set br0 up'
station a br0 10.0.0.1/24
station b br0 10.0.0.2/24
run 'ip netns exec a sysctl -w net.ipv4.neigh.eth0.base_reachable_time_ms=5000'
run 'ip netns exec a sysctl -w net.ipv4.neigh.eth0.delay_first_probe_time=3'
run 'ip netns exec a sysctl -w net.ipv4.neigh.eth0.retrans_time_ms=1000'

# Shows the entry when it has the given state, and fails when it does not get it.
entry_is() {
  for _ in $(seq 400); do
    entry=$(ip -n a neigh show 10.0.0.2 nud all)
    case $entry in *" $1"*) echo "    $entry" && return ;; esac
    sleep 0.05
  done
  echo "    $entry"
  return 1
}
becomes() { entry_is "$1" && check "$1: $2" true || check "$1: $2" false; }
ask() { run 'ip netns exec a ping -c 1 -W 0.2 10.0.0.2 >/dev/null'; }

say 'Nobody is known. The first packet asks, and the answer is kept:'
check 'no entry' '[ -z "$(ip -n a neigh show)" ]'
ask
becomes REACHABLE 'the neighbour has just answered'

say 'Nothing is said for a while:'
becomes STALE 'it is not sure any more that it is still there'

say 'The next packet uses the entry all the same:'
ask
becomes DELAY 'used, and waiting for a sign of life'
becomes REACHABLE 'asked directly, it answered'

say 'Now the neighbour is unplugged, and nobody tells:'
becomes STALE 'the last answer is too old'
run 'ip link set p-b nomaster'
ask
becomes DELAY 'a packet went out; it is lost, but who knows?'
becomes PROBE 'the neighbour is asked directly, three times'
becomes FAILED 'no answer'
run 'pontoon explain netns:a 10.0.0.2'
check 'explain says who is not there' '! pontoon explain netns:a 10.0.0.2'
