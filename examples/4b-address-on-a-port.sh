#!/bin/sh
# Two namespaces on one bridge, two subnets, and a trap.
#
# The two namespaces reach each other although their subnets differ: a default route without a gateway says "everybody is
# on this cable", so ARP asks over the bridge, and the other one answers. But the host, which has its addresses on the
# ports of the bridge, reaches neither. A port of a bridge has no IP of its own any more: what enters by it belongs to the
# bridge. The host asks out of veth1-0, the answer arrives at br0, and the question stays open for ever, although a
# capture on veth1-0 shows the answer.
. "$(dirname "$0")/world.sh"

run 'ip netns add netns1; ip netns add netns2'
run 'ip link add veth1-0 type veth peer name veth1-1; ip link add veth2-0 type veth peer name veth2-1'
run 'ip link set veth1-1 netns netns1; ip link set veth2-1 netns netns2'
run 'ip link set veth1-0 up; ip link set veth2-0 up; ip -n netns1 link set veth1-1 up; ip -n netns2 link set veth2-1 up'
run 'ip netns exec netns1 ip addr add 10.20.30.41/24 dev veth1-1'
run 'ip netns exec netns2 ip addr add 10.20.20.41/24 dev veth2-1'
run 'ip addr add 10.20.30.40/24 dev veth1-0; ip addr add 10.20.20.40/24 dev veth2-0'
run 'ip link add br0 type bridge; ip link set br0 up'
run 'ip link set veth1-0 master br0; ip link set veth2-0 master br0'
run 'ip netns exec netns1 ip route add default dev veth1-1'
run 'ip netns exec netns2 ip route add default dev veth2-1'

say 'Who reaches whom:'
check 'netns1 reaches netns2' 'ip netns exec netns1 ping -c 1 -W 1 10.20.20.41'
check 'the host does not reach netns1 out of the port' '! ping -c 1 -W 1 -I veth1-0 10.20.30.41'
check 'out of the bridge it does' 'ping -c 1 -W 1 -I br0 10.20.30.41'
check 'without a choice it does not: its route points at the port' '! ping -c 1 -W 1 10.20.30.41'

say 'Why?'
run 'pontoon explain host/veth1-0 10.20.30.41'
check 'the address is on a port' 'pontoon explain host/veth1-0 10.20.30.41 | grep "address-on-port, at veth1-0@host"'
check 'out of the bridge: reachable' 'pontoon explain host/br0 10.20.30.41'
check 'from netns1 to netns2: reachable' 'pontoon explain netns:netns1 10.20.20.41'

say 'The cure that it gave, as it gave it:'
pontoon explain host/veth1-0 10.20.30.41 --format json | sed -n '/"remedy"/,/]/s/^ *"\(ip .*\)",\{0,1\}$/\1/p' >/run/cure
while read -r command; do run "$command"; done </run/cure
check 'it is the one of the books' \
  '[ "$(cat /run/cure)" = "ip addr del 10.20.30.40/24 dev veth1-0
ip route add 10.20.30.0/24 dev br0" ]'
run 'pontoon explain host 10.20.30.41'
check 'explain says reachable' 'pontoon explain host 10.20.30.41'
check 'and it is' 'ping -c 1 -W 1 10.20.30.41'

say 'Better: the bridge has the gateway address, and the namespaces a default route through it. With forwarding and'
echo 'masquerade on the host, they then reach the outside, too.'
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip link set uplink up
ip -n outside link set eth0 up
ip addr add 192.0.2.2/24 dev uplink
ip -n outside addr add 192.0.2.1/24 dev eth0
run 'ip route del 10.20.30.0/24 dev br0; ip addr add 10.20.30.1/24 dev br0'
run 'ip netns exec netns1 ip route replace default via 10.20.30.1'
run 'sysctl -qw net.ipv4.ip_forward=1'
check 'the outside cannot answer yet' '! ip netns exec netns1 ping -c 1 -W 1 192.0.2.1'
run 'pontoon explain netns:netns1 192.0.2.1'
run "nft 'table ip nat { chain post { type nat hook postrouting priority 100; oifname uplink masquerade; }; }'"
check 'now it does' 'ip netns exec netns1 ping -c 1 -W 1 192.0.2.1'
check 'and explain agrees' 'pontoon explain netns:netns1 192.0.2.1'
