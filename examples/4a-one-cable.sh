#!/bin/sh
# Two namespaces on one cable: what a container engine does, by hand.
#
# `ip netns add` makes a network stack with nothing in it. A veth pair is a cable with two plugs; each plug is moved into
# one of the stacks and gets an address. Both ends must be up: a cable carries nothing until it is plugged in at both.
. "$(dirname "$0")/world.sh"

run 'ip netns add ns1; ip netns add ns2'
run 'ip link add veth-ns1 type veth peer name veth-ns2'
run 'ip link set veth-ns1 netns ns1; ip link set veth-ns2 netns ns2'
run 'ip netns exec ns1 ip addr add 172.25.45.11/24 dev veth-ns1'
run 'ip netns exec ns2 ip addr add 172.25.45.12/24 dev veth-ns2'

say 'Not reachable. Why?'
run 'pontoon explain netns:ns1 172.25.45.12'
check 'because this end is down' 'pontoon explain netns:ns1 172.25.45.12 | grep "link-down, at veth-ns1@ns1"'
run 'ip netns exec ns1 ip link set veth-ns1 up'

say 'And now?'
run 'pontoon explain netns:ns1 172.25.45.12'
check 'because the other end is' 'pontoon explain netns:ns1 172.25.45.12 | grep "link-down, at veth-ns2@ns2"'
check 'a ping agrees' '! ip netns exec ns1 ping -c 1 -W 1 172.25.45.12'
run 'ip netns exec ns2 ip link set veth-ns2 up'

say 'Both ends up:'
run 'pontoon explain netns:ns1 172.25.45.12'
check 'reachable' 'pontoon explain netns:ns1 172.25.45.12'
check 'a ping agrees' 'ip netns exec ns1 ping -c 1 -W 1 172.25.45.12'
