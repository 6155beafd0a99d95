/**
 * @module All that the demo says, in English. Each step has a title, what is checked, and why it is so.
 */

export const en = {
  /** So that `explain` speaks the same language. */
  explainFlags: '',
  nothing: '(nothing)',
  continue: 'Enter goes on …',
  opening:
    'Pontoon, for real: each command below runs on the kernel, in a private world. "host #" and "lan #" ' +
    'say on which of its two machines.',
  summary: (ok: number, failed: number, seconds: string) =>
    failed === 0
      ? `All ${ok} checks hold (${seconds} s). The world is gone; your machine is as it was.`
      : `${failed} of ${ok + failed} checks failed (${seconds} s):`,

  world: {
    title: 'A world of its own: a host, its uplink, and a neighbour on the LAN',
    reaches: 'the host reaches the outside through its neighbour, by IPv4 and IPv6',
    why: 'New network, mount and process namespaces make a host that is alone on its wire, so nothing here touches the network of your machine.',
  },
  daemon: {
    title: 'The daemon, with the API that Docker clients speak',
    answers: 'it answers as Pontoon, over the socket that DOCKER_HOST names',
    image: 'it has an image to run, without any registry',
    networks: 'and the three networks bridge, host and none',
    why: 'The commands docker and pontoon have the same words, because both are clients of one API; where docker is not installed, pontoon stands in for it here.',
  },
  network: {
    title: 'The engine makes the default network',
    gateway: (bridge: string, address: string) =>
      `the bridge ${bridge} is there and has the gateway address ${address}`,
    rules: 'all of its rules are in one nftables table of its own',
    why: 'A network is a bridge on the host: a switch in the kernel, which has an address of its own so that it can be the gateway.',
  },
  containers: {
    title: 'Two containers with web servers, and published ports',
    published: 'their ports 80 are published as 9001 and 9002',
    addresses: 'they have the addresses 172.17.0.2 and 172.17.0.3',
    macs: 'their MAC addresses are 02:42 and the IPv4 address, so they can be read',
    why: 'Each has a network namespace of its own, with its own interfaces, routes and ports: both servers listen on port 80.',
  },
  interfaces: {
    title: 'Both ends of the cable',
    peers: (inside: string, outside: string) => `${inside} and ${outside} name each other's index after @if`,
    kind: (outside: string) => `${outside} is of kind veth`,
    why: 'A veth pair is a cable with two plugs: what enters one end leaves the other, here with one end in the container and one on the host.',
  },
  bridge: {
    title: 'The bridge and its ports',
    ports: (bridge: string) => `the host ends of both cables are ports of ${bridge}, and forward`,
    why: 'A packet from one to the other takes this way: eth0 → veth → bridge → veth → eth0.',
  },
  firstRequest: {
    title: 'The first request: ARP asks, the bridge learns',
    before: 'Before (what the bridge learned when the containers announced themselves is flushed first):',
    after: 'After:',
    arpEmpty: 'before it, mynginx1 knew no neighbour',
    answered: 'mynginx2 answered, and saw the real address of mynginx1',
    arpLearned: (mac: string) => `mynginx1 now knows that 172.17.0.3 is at ${mac}`,
    fdbLearned: 'the bridge now knows behind which port each of the two MAC addresses is',
    why: 'The ARP question goes to all ports because nobody knows the answer; from each frame that passes, the bridge learns where its sender is, and then sends to that one port.',
  },
  trace: {
    title: 'The same way, seen from every place at once',
    asked: 'the ARP question was seen at both ends of both cables',
    answered: 'then the ping and its answer went the way and back',
    why: 'The trace captures at every hop and joins the frames into one path: a broadcast goes to all ports, what follows it to one.',
  },
  routes: {
    title: 'Routes in a container',
    direct: '172.17.0.0/16 is directly on eth0',
    gateway: 'everything else goes to the gateway, the bridge on the host',
    why: 'A destination in the own subnet gets the frame directly, by its MAC address; for all others the frame goes to the gateway, which routes.',
  },
  published: {
    title: 'The published port, from the host and from the LAN',
    loopback: 'the host reaches port 9001 by 127.0.0.1 and ::1',
    ownAddress: 'the host reaches it by its own address',
    lan: 'the neighbour on the LAN reaches it',
    source: (address: string) => `the server saw the neighbour's real address, ${address}`,
    lan6: (address: string) => `the same by IPv6, with the neighbour's real address ${address}`,
    rule: 'the map leads port 9001 to 172.17.0.2, port 80',
    why: 'Destination NAT rewrites the address and port of a packet as it comes in; the whole rule is one element of a map, and there is no proxy process in between.',
  },
  hairpin: {
    title: "A published port from another container, by the host's address",
    answered: "mynginx2 reaches mynginx1 through the host's port 9001",
    source: 'the server sees the gateway as the client, unlike for a request from the LAN',
    why: 'The request goes up to the host and down again on the same bridge (a hairpin); source NAT makes the answer go back the same way, because mynginx2 waits for it from the address that it asked.',
  },
  masquerade: {
    title: 'To the outside: masquerade',
    answered: 'mynginx1 reaches a server on the outside',
    source: (address: string) => `the server outside sees the host's address ${address}`,
    source6: (address: string) => `the same by IPv6: it sees ${address}`,
    unroutable: 'it could not have answered 172.17.0.2: it has no route there',
    why: "Container addresses mean nothing outside the host, so what leaves takes the host's address, and connection tracking gives the answers back.",
  },
  names: {
    title: 'Names',
    resolver: 'the resolver of mynginx1 is 127.0.0.11, inside its own namespace',
    resolved: 'mynginx1 reaches mynginx2 by name, with ping and with HTTP',
    reverse: 'and the address leads back to the name',
    why: "The engine answers at 127.0.0.11 in each container's own namespace, so each sees just the names of the networks that it is on.",
  },
  explain: {
    title: 'It does not work: why?',
    broken: "with somebody's firewall in place, the LAN does not reach mynginx1",
    cause: 'explain names the rule that drops it',
    mended: 'after the command that it gave, the LAN reaches it',
    agrees: 'and explain says so too',
    why: 'It reads what the kernel holds, of all namespaces, and walks the way that the packet would take, up to the first thing that stops it.',
  },
  isolation: {
    title: 'A second network is another world',
    subnet: 'tomcat-net has the subnet 172.18.0.0/24',
    address: 'net-tomcat01 does not reach tomcat01 by address',
    name: 'nor by name',
    cause: 'explain says that the networks are kept apart, and how to connect them',
    why: 'It is another bridge, and the host forwards nothing from one network to another; nor does the resolver name who is not on a network with the one that asks.',
  },
  connect: {
    title: 'Connected to both networks',
    two: 'tomcat01 now has eth0 and eth1, in both subnets',
    address: (address: string) => `net-tomcat01 reaches tomcat01 by its new address ${address}`,
    name: 'and by name',
    other: 'but still not tomcat02',
    refused: 'a network with containers on it is not removed',
    why: 'Connecting adds one more cable to a running container; the container itself does not forward between its networks.',
  },
  hostNetwork: {
    title: "Host mode: the host's own network stack",
    answered: 'the LAN reaches port 80 of the host, with nothing published',
    taken: 'a second server on port 80 fails: address in use',
    why: 'In host mode there is no namespace of its own, so the ports are those of the host, and each can be taken once.',
  },
  livePublish: {
    title: 'Publishing and unpublishing while it runs',
    published: 'port 8080 leads to mynginx1 at once',
    taken: 'port 9002 is refused: mynginx2 has it',
    unpublished: 'unpublished, port 8080 is closed again',
    why: 'A port binding is one element in a map, so it comes and goes in one transaction, without a restart; the host port is really held, so a conflict is an error at once.',
  },
  repair: {
    title: 'The daemon killed, and damage by hand',
    alone: 'without a daemon the LAN still reaches mynginx1',
    broken: 'with the cable deleted and the rules flushed, it does not',
    found: 'the new daemon found all containers, which ran on',
    answered: 'and the LAN reaches mynginx1 again',
    why: 'What should be is on disk and what is comes from the kernel: at its start the daemon compares the two and changes only what differs. Packets never pass through it.',
  },
  removal: {
    title: 'Everything removed, and nothing left',
    kinds: {
      links: 'interfaces',
      namespaces: 'namespaces',
      rules: 'lines of rules',
      containers: 'containers',
      networks: 'networks',
      mounts: 'mounts of containers',
      processes: 'processes of containers',
    },
    same: (kind: string, before: number, after: number) =>
      `${kind}: ${before} before the first container, ${after} now: the same`,
    free: 'another program can listen on port 9001',
    why: 'What is left is the default network, ready for the next container; it ends with this world.',
  },
};

/** What the demo says, in any language. */
export type Catalogue = typeof en;
