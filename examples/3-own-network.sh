#!/bin/sh
# A network of one's own.
#
# Each network is a bridge of its own, and the host forwards nothing between them. Who is to be reached on a network is
# connected to it, which adds an interface to the running container; names are known within one network.
. "$(dirname "$0")/world.sh"
start_pontoon
server='pontoon/busybox httpd -f -p 8080 -h /etc'

say 'Two servers on the default network, one on its own:'
run "docker run -d --name tomcat01 -p 8081:8080 $server"
run "docker run -d --name tomcat02 -p 8082:8080 $server"
run 'docker network create --subnet=172.18.0.0/24 tomcat-net'
run "docker run -d --name net-tomcat01 --network tomcat-net $server"
run 'docker exec tomcat01 ip -4 addr show eth0'
address=$(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' tomcat01)
check 'it got an address of the subnet' 'docker network inspect tomcat-net | grep 172.18.0.2/24'

say "It does not reach tomcat01 ($address), and why:"
run "docker exec net-tomcat01 ping -c 1 -W 1 $address"
run 'pontoon explain net-tomcat01 tomcat01'
check 'not by address' '! docker exec net-tomcat01 ping -c 1 -W 1 "$address"'
check 'not by name' '! docker exec net-tomcat01 ping -c 1 -W 1 tomcat01'
check 'because the networks are kept apart' 'pontoon explain net-tomcat01 tomcat01 | grep network-isolated'

say 'Connected to both networks, tomcat01 has two interfaces:'
run 'docker network connect tomcat-net tomcat01'
run 'docker exec tomcat01 ip -4 addr show eth1'
run 'docker exec net-tomcat01 ping -c 1 tomcat01'
address=$(docker inspect -f '{{(index .NetworkSettings.Networks "tomcat-net").IPAddress}}' tomcat01)
check 'it is reached by its new address' 'docker exec net-tomcat01 ping -c 1 -W 1 "$address"'
check 'and by name' 'docker exec net-tomcat01 ping -c 1 -W 1 tomcat01'
check 'and explain agrees' 'pontoon explain net-tomcat01 tomcat01 --port 8080'
check 'tomcat02 still is not' 'docker exec net-tomcat01 ping -c 1 -W 1 tomcat02 2>&1 | grep "bad address"'

say 'A network with somebody on it is not removed:'
run 'docker network disconnect tomcat-net tomcat01'
run 'docker network rm tomcat-net'
check 'it is still there' 'docker network inspect tomcat-net'
run 'docker rm -f net-tomcat01 tomcat01 tomcat02'
run 'docker network rm tomcat-net'
check 'now it is gone' '! docker network inspect tomcat-net'
