#!/bin/sh
# A hub and a switch: the same two pings on one bridge.
#
# A hub sends every frame to every port. A switch learns from each frame's sender which MAC address is behind which port,
# and then sends what is for it to that port only; just broadcasts, and what nobody knows yet, go to all. A Linux bridge
# that forgets at once (ageing 0) is a hub.
. "$(dirname "$0")/world.sh"
run 'ip link add br0 type bridge; ip link set br0 up'
station a br0 10.0.0.1/24
station b br0 10.0.0.2/24
station c br0 10.0.0.3/24

# How many frames came to c, whom none of them is for.
overheard() { ip -n c -s link show eth0 | awk '/RX:/ { getline; print $2 }'; }
# Two pings from a to b, when both already know each other.
ping_twice() { ip netns exec a ping -q -c 2 -i 0.2 10.0.0.2 >/dev/null; }
ping_twice

say 'As a hub, c gets the two questions and the two answers that a and b send each other:'
run 'ip link set br0 type bridge ageing_time 0'
before=$(overheard)
ping_twice
hub=$(($(overheard) - before))
echo "    c got $hub frames"
run 'bridge fdb show br br0 dynamic'
check 'c overheard at least four frames' '[ "$hub" -ge 4 ]'
check 'the bridge knows nobody' '[ -z "$(bridge fdb show br br0 dynamic | grep -v permanent)" ]'

say 'As a switch, it learns from the first frames, and c gets none of the later ones:'
run 'ip link set br0 type bridge ageing_time 30000 # hundredths of a second: 300 s'
ping_twice
before=$(overheard)
ping_twice
switch=$(($(overheard) - before))
echo "    c got $switch frames"
run 'bridge fdb show br br0 dynamic'
check 'c overheard nothing of the pings' '[ "$switch" -lt 2 ]'
check 'the bridge knows behind which port b is' 'bridge fdb show br br0 | grep "$(mac b) dev p-b"'

say 'explain says which ports get a frame. Before anybody has sent anything, the question goes to all:'
run 'ip -n a neigh flush dev eth0; ip -n b neigh flush dev eth0'
run 'bridge fdb flush dev br0 nopermanent'
run 'pontoon explain netns:a netns:b'
check 'the question reaches b, c and the bridge itself' \
  'pontoon explain netns:a netns:b | grep "ARP who has .* reaches 3 interfaces"'
