#!/bin/sh
# What a receiver decides: is the destination MAC mine? Is the destination IP mine? Else route, or drop.
. "$(dirname "$0")/world.sh"
run 'ip link add br0 type bridge; ip link set br0 up'
station a br0 10.0.0.1/24
station b br0 10.0.0.2/24
# What the IP layer of b took for its own, and what it found not to be.
own() { ip netns exec b awk '/^Ip: [0-9]/ { print $10 }' /proc/net/snmp; }
strange() { ip netns exec b awk '/^Ip: [0-9]/ { print $6 }' /proc/net/snmp; }

say 'Both are: the packet is for a program on b, or for the kernel, which answers a ping.'
run 'ip netns exec a ping -c 1 -W 1 10.0.0.2'
check 'answered' 'ip netns exec a ping -c 1 -W 1 10.0.0.2'

say 'The MAC is not: a frame for somebody else comes to b, because the bridge does not know where he is, and b drops it'
echo 'before it looks at the IP address. (Here the neighbour table of a lies.)'
run 'ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev eth0 nud permanent'
before=$(own)
run 'pontoon explain netns:a 10.0.0.2'
check 'no answer' '! ip netns exec a ping -c 1 -W 1 10.0.0.2'
check 'the packet came to b' 'pontoon trace netns:a 10.0.0.2 | grep "last seen at eth0@b"'
check 'b did not take it' '[ "$(own)" = "$before" ]'
check 'explain says that the entry lies' 'pontoon explain netns:a 10.0.0.2 | grep neighbour-wrong'
run 'ip -n a neigh del 10.0.0.2 dev eth0'
check 'without it, ARP asks, and all is well' 'ip netns exec a ping -c 1 -W 1 10.0.0.2'

say 'The MAC is, the IP is not: b is no router, so it drops the packet, and counts it.'
run "ip -n a neigh replace 10.0.0.99 lladdr $(mac b) dev eth0 nud permanent"
before=$(strange)
run 'pontoon explain netns:a 10.0.0.99'
check 'no answer' '! ip netns exec a ping -c 1 -W 1 10.0.0.99'
check 'b counted an address that is not its own' '[ "$(strange)" -gt "$before" ]'
check 'explain says that b does not forward' 'pontoon explain netns:a 10.0.0.99 | grep "forwarding-off, at eth0@b"'

say 'The same, and b is a router: it looks up a route, and sends the packet on.'
run 'ip link add br1 type bridge; ip link set br1 up'
station c br1 10.0.1.3/24
run 'ip link add p-b1 type veth peer name eth1 netns b; ip link set p-b1 master br1 up; ip -n b link set eth1 up'
run 'ip -n b addr add 10.0.1.2/24 dev eth1'
run 'ip netns exec b sysctl -w net.ipv4.ip_forward=1'
run 'ip -n a route add default via 10.0.0.2; ip -n c route add default via 10.0.1.2'
run 'pontoon explain netns:a netns:c'
check 'a reaches c through b' 'ip netns exec a ping -c 1 -W 1 10.0.1.3'
check 'explain agrees' 'pontoon explain netns:a netns:c'
