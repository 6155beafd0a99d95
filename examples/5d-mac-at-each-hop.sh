#!/bin/sh
# The MAC address changes at each routed hop, the IP address does not; NAT is what changes the IP.
#
# A frame goes from one interface to the next on the same cable or bridge, so its MAC addresses are those two. A router
# takes the packet out and puts it into a new frame. The packet's addresses say from where to where on the whole way.
. "$(dirname "$0")/world.sh"
run 'ip link add br1 type bridge; ip link set br1 up; ip addr add 10.1.0.1/24 dev br1'
run 'ip link add br2 type bridge; ip link set br2 up; ip addr add 10.2.0.1/24 dev br2'
run 'sysctl -qw net.ipv4.ip_forward=1'
station a br1 10.1.0.2/24
station c br2 10.2.0.2/24
run 'ip -n a route add default via 10.1.0.1; ip -n c route add default via 10.2.0.1'

say 'The way as a story, each fact with the command that shows it:'
run 'pontoon explain netns:a netns:c --teach'
check 'reachable' 'pontoon explain netns:a netns:c'

say 'The same way as it really goes, caught at every place at once:'
run 'pontoon trace netns:a netns:c | tee /run/trace'
check 'the question for the MAC is asked on each bridge' \
  'grep "br1 .*who has 10.1.0.1" /run/trace && grep "br2 .*who has 10.2.0.2" /run/trace'
check 'the packet has the same IP addresses on both sides' \
  'grep "p-a .*10.1.0.2 → 10.2.0.2" /run/trace && grep "p-c .*10.1.0.2 → 10.2.0.2" /run/trace'

say 'To which MAC address each sends its frame:'
run 'ip -n a neigh show; ip neigh show 10.2.0.2'
bridge_mac=$(ip -br link show br1 | awk '{ print $3 }')
check "a sends it to the router's" 'ip -n a neigh show 10.1.0.1 | grep "lladdr $bridge_mac"'
check 'the router sends it to that of c' 'ip neigh show 10.2.0.2 | grep "lladdr $(mac c)"'

say 'With NAT in the router, c sees another sender:'
run "nft 'table ip nat { chain post { type nat hook postrouting priority 100; oifname br2 masquerade; }; }'"
run 'pontoon trace netns:a netns:c | tee /run/trace'
check 'the source is rewritten on the way' \
  'grep "p-a .*10.1.0.2 → 10.2.0.2" /run/trace && grep "p-c .*10.2.0.1 → 10.2.0.2" /run/trace'
check 'explain shows the rewrite' 'pontoon explain netns:a netns:c | grep "source 10.1.0.2 → 10.2.0.1"'
