#!/bin/sh
# Two web servers on the default network.
#
# Each container has a network stack of its own. A cable (a veth pair) joins it to a bridge on the host, which is a
# switch. So a packet from one to the other goes  eth0 → veth → pontoon0 → veth → eth0,  and a request to a published
# port of the host has its destination rewritten to the container's address and port.
. "$(dirname "$0")/world.sh"
start_pontoon

say 'Two servers, both on their own port 80, published as 9001 and 9002:'
run 'docker tag pontoon/busybox web'
run 'docker run --name mynginx1 -i -t -d -p 9001:80 web httpd -f -p 80 -h /etc'
run 'docker run --name mynginx2 -i -t -d -p 9002:80 web httpd -f -p 80 -h /etc'
run 'docker ps'
check 'both are published on all addresses' \
  'docker ps | grep "0.0.0.0:9001->80/tcp, .*:9001->80/tcp" && docker ps | grep "0.0.0.0:9002->80/tcp"'
check 'the host reaches the first by port 9001' 'curl -sf 127.0.0.1:9001/hostname'

say 'In the container: two interfaces, a gateway, and nobody known yet:'
run 'docker exec mynginx1 ip link show'
run 'docker exec mynginx1 route -n'
bridge fdb flush dev pontoon0 nopermanent
nsenter --net="$(docker inspect -f '{{.NetworkSettings.SandboxKey}}' mynginx1)" ip neigh flush dev eth0
run 'docker exec mynginx1 arp -n'
check 'the way out is by the bridge' 'docker exec mynginx1 route -n | grep "^0.0.0.0 *172.17.0.1"'
check 'no neighbour is known' '[ -z "$(docker exec mynginx1 arp -n)" ]'

say 'The first packet to 172.17.0.3 needs its MAC address, so it is asked for; then it is known, and the bridge has'
echo 'learned behind which port each of the two is:'
run 'docker exec mynginx1 wget -qO- 172.17.0.3/hostname'
run 'docker exec mynginx1 arp -n'
run 'bridge fdb show br pontoon0 dynamic'
check 'the MAC address is known, and can be read: 02:42 and the address' \
  'docker exec mynginx1 arp -n | grep "(172.17.0.3) at 02:42:ac:11:00:03"'
check 'the bridge has learned it' 'bridge fdb show br pontoon0 dynamic | grep 02:42:ac:11:00:03'
check 'a ping comes back' 'docker exec mynginx1 ping -c 1 172.17.0.3'

say 'The other end of eth0 is on the host: the number after eth0@if is its index there.'
index=$(docker exec mynginx1 ip -o link show eth0 | sed 's/.*eth0@if\([0-9]*\):.*/\1/')
veth=$(ip -o link | sed -n "s/^$index: \([^@]*\)@.*/\1/p")
run "ip link show $veth"
check 'it is a port of the bridge' 'ip link show "$veth" | grep "master pontoon0"'

say 'The networks, and who is on the default one:'
run 'docker network ls'
run "docker network inspect bridge -f '{{range .Containers}}{{println .Name .IPv4Address .MacAddress}}{{end}}'"
check 'both are' '[ "$(docker network inspect bridge | grep -c IPv4Address)" = 2 ]'

say 'All of it in one answer:'
run 'pontoon explain mynginx1 mynginx2 --port 80'
check 'reachable' 'pontoon explain mynginx1 mynginx2 --port 80'
docker rm -f mynginx1 mynginx2 >/dev/null
