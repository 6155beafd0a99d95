#!/bin/sh
# Host network: no stack of its own.
#
# A container on the host network has the host's interfaces, addresses and ports. Nothing is translated and nothing needs
# to be published; but a port can be taken once only, by whoever comes first.
. "$(dirname "$0")/world.sh"
start_pontoon

say 'It listens on the port 80 of the host itself:'
run 'docker run -d --net=host --name nginx-host pontoon/busybox httpd -f -p 80 -h /etc'
run 'docker exec nginx-host ip -br link'
check 'the host reaches it, with nothing published' 'curl -sf 127.0.0.1/hostname'
check 'it has no veth pair, and sees the bridge of the host' 'docker exec nginx-host ip link show pontoon0'
check 'docker lists no port' '[ -z "$(docker port nginx-host)" ]'

say 'A second one finds the port taken:'
run 'docker run --rm --net=host --name nginx-host2 pontoon/busybox httpd -f -p 80'
check 'it fails with the own words of the server' \
  'docker run --rm --net=host pontoon/busybox httpd -f -p 80 2>&1 | grep -i "address already in use"'
docker rm -f nginx-host >/dev/null
