/**
 * @module All that the demo says, in Chinese.
 */

import type { Catalogue } from './text.en.ts';

export const zh: Catalogue = {
  explainFlags: ' --lang zh',
  nothing: '（空）',
  continue: '按回车键继续……',
  opening:
    'Pontoon 真机演示：下面的每条命令都在一个私有环境里、在真实内核上执行。提示符“host #”“lan #”表示命令在哪一台机器上运行。',
  summary: (ok, failed, seconds) =>
    failed === 0
      ? `全部 ${ok} 项检查通过（${seconds} 秒）。私有环境已经销毁，您的机器没有任何改变。`
      : `${ok + failed} 项检查中有 ${failed} 项未通过（${seconds} 秒）：`,

  world: {
    title: '私有环境：一台主机、它的上行链路和一个局域网邻居',
    reaches: '主机经由邻居可以访问外部网络，IPv4 和 IPv6 都通',
    why: '新的网络、挂载和进程命名空间构成了一台独立的主机，所以这里的一切都不会影响您机器自己的网络。',
  },
  daemon: {
    title: '守护进程，使用 Docker 客户端所讲的 API',
    answers: '通过 DOCKER_HOST 指定的套接字，应答的是 Pontoon',
    image: '不用任何镜像仓库，就有可以运行的镜像',
    networks: '还有 bridge、host、none 三个网络',
    why: 'docker 和 pontoon 两个命令用同样的词，因为它们是同一个 API 的客户端；没有安装 docker 的地方，这里就用 pontoon 代替。',
  },
  network: {
    title: '引擎创建默认网络',
    gateway: (bridge, address) => `网桥 ${bridge} 已创建，并带有网关地址 ${address}`,
    rules: '全部规则都在引擎自己的一张 nftables 表里',
    why: '一个网络就是主机上的一个网桥，也就是内核里的交换机；网桥自己也有地址，因此可以充当网关。',
  },
  containers: {
    title: '两个运行 Web 服务器的容器，并发布端口',
    published: '它们的 80 端口发布为 9001 和 9002',
    addresses: '它们的地址是 172.17.0.2 和 172.17.0.3',
    macs: 'MAC 地址由 02:42 加上 IPv4 地址组成，一眼就能看懂',
    why: '每个容器都有自己的网络命名空间，接口、路由和端口各自独立，所以两个服务器都可以监听 80 端口。',
  },
  interfaces: {
    title: '网线的两端',
    peers: (inside, outside) => `${inside} 和 ${outside} 的 @if 后面正是对端的接口编号`,
    kind: (outside) => `${outside} 的类型是 veth`,
    why: 'veth 对就像一根有两个插头的网线：从一端进去的数据包从另一端出来，这里一端在容器里，另一端在主机上。',
  },
  bridge: {
    title: '网桥和它的端口',
    ports: (bridge) => `两根网线的主机端都是 ${bridge} 的端口，处于转发状态`,
    why: '容器之间的数据包走这条路：eth0 → veth → 网桥 → veth → eth0。',
  },
  firstRequest: {
    title: '第一次请求：ARP 询问，网桥学习',
    before: '请求之前（先清空网桥在容器上线通告时学到的内容）：',
    after: '请求之后：',
    arpEmpty: '请求之前，mynginx1 的 ARP 表是空的',
    answered: 'mynginx2 作出应答，并且看到了 mynginx1 的真实地址',
    arpLearned: (mac) => `现在 mynginx1 知道 172.17.0.3 的 MAC 地址是 ${mac}`,
    fdbLearned: '现在网桥知道这两个 MAC 地址各在哪个端口后面',
    why: '没有人知道答案时，ARP 请求会被广播到所有端口；网桥从经过的每个帧学到发送者的位置，之后就只转发到那一个端口。',
  },
  trace: {
    title: '同一条路，在每一处同时观察',
    asked: '两根网线的两端都看到了 ARP 询问',
    answered: '随后 ping 和它的应答一去一回',
    why: 'trace 在每一跳抓包，再把各处的帧拼成一条路径：广播会到所有端口，之后的帧只到一个端口。',
  },
  routes: {
    title: '容器里的路由',
    direct: '172.17.0.0/16 直接连在 eth0 上',
    gateway: '其余的都交给网关，也就是主机上的网桥',
    why: '目的地址在本子网内，就用对方的 MAC 地址直接发送；否则发给网关，由网关来路由。',
  },
  published: {
    title: '从主机和局域网访问发布的端口',
    loopback: '主机通过 127.0.0.1 和 ::1 可以访问 9001 端口',
    ownAddress: '主机通过自己的地址也可以访问',
    lan: '局域网邻居可以访问',
    source: (address) => `服务器看到的是邻居的真实地址 ${address}`,
    lan6: (address) => `IPv6 也一样，看到的是邻居的真实地址 ${address}`,
    rule: '映射表把 9001 端口指向 172.17.0.2 的 80 端口',
    why: '数据包进来时，目的地址转换（DNAT）改写它的目的地址和端口；整个端口映射只是映射表里的一个元素，中间没有代理进程。',
  },
  hairpin: {
    title: '另一个容器通过主机地址访问发布的端口（发夹回环）',
    answered: 'mynginx2 通过主机的 9001 端口可以访问 mynginx1',
    source: '服务器看到的客户端是网关，与来自局域网的请求不同',
    why: '请求到达主机，又从同一个网桥折返，就像发夹；源地址转换让应答也原路返回，因为 mynginx2 等待的是它所访问的那个地址的应答。',
  },
  masquerade: {
    title: '访问外部网络：源地址伪装',
    answered: 'mynginx1 可以访问外部的服务器',
    source: (address) => `外部服务器看到的是主机的地址 ${address}`,
    source6: (address) => `IPv6 也一样，看到的是 ${address}`,
    unroutable: '外部无法应答 172.17.0.2，因为它没有到那里的路由',
    why: '容器的地址在主机之外没有意义，所以出去的数据包换上主机的地址，再由连接跟踪把应答送回容器。',
  },
  names: {
    title: '名称解析',
    resolver: 'mynginx1 的域名服务器是 127.0.0.11，就在它自己的命名空间里',
    resolved: 'mynginx1 用名称可以访问 mynginx2，ping 和 HTTP 都通',
    reverse: '由地址也能反查到名称',
    why: '引擎在每个容器自己的命名空间里通过 127.0.0.11 应答，所以每个容器只看得到自己所在网络里的名称。',
  },
  explain: {
    title: '不通了：为什么？',
    broken: '有人加了防火墙之后，局域网访问不到 mynginx1',
    cause: 'explain 指出了丢弃数据包的规则',
    mended: '执行它给出的命令之后，局域网又可以访问了',
    agrees: 'explain 也这么说',
    why: '它读取内核在所有命名空间里的状态，沿着数据包将要走的路前进，直到第一个挡住它的地方。',
  },
  isolation: {
    title: '第二个网络与第一个互相隔离',
    subnet: 'tomcat-net 的子网是 172.18.0.0/24',
    address: 'net-tomcat01 用地址访问不到 tomcat01',
    name: '用名称也访问不到',
    cause: 'explain 说明两个网络互相隔离，以及如何连接',
    why: '这是另一个网桥，主机不在两个网络之间转发；不在同一网络里的名称，解析器也不会给出。',
  },
  connect: {
    title: '同时连接两个网络',
    two: '现在 tomcat01 有 eth0 和 eth1，分别在两个子网里',
    address: (address) => `net-tomcat01 用新地址 ${address} 可以访问 tomcat01`,
    name: '用名称也可以',
    other: '但仍然访问不到 tomcat02',
    refused: '还有容器在用的网络不会被删除',
    why: '连接网络就是给运行中的容器再插一根网线；容器自己不会在两个网络之间转发。',
  },
  hostNetwork: {
    title: 'host 模式：直接使用主机的网络栈',
    answered: '不用发布端口，局域网就能访问主机的 80 端口',
    taken: '第二个监听 80 端口的服务器启动失败：地址已被占用',
    why: 'host 模式没有自己的网络命名空间，用的就是主机的端口，所以每个端口只能被占用一次。',
  },
  livePublish: {
    title: '运行中发布和取消发布端口',
    published: '8080 端口立刻指向 mynginx1',
    taken: '9002 端口被拒绝：mynginx2 正在使用',
    unpublished: '取消发布后，8080 端口又关闭了',
    why: '端口映射只是映射表里的一个元素，一次事务就能增加或删除，不用重启容器；主机端口被真正占住，所以冲突会立刻报错。',
  },
  repair: {
    title: '杀掉守护进程，再手工破坏',
    alone: '没有守护进程，局域网照样可以访问 mynginx1',
    broken: '网线被删、规则被清空之后，就访问不到了',
    found: '新的守护进程找到了所有仍在运行的容器',
    answered: '局域网又可以访问 mynginx1 了',
    why: '期望状态保存在磁盘上，实际状态从内核读取：守护进程启动时比较两者，只修改有差异的地方。数据包从不经过它。',
  },
  removal: {
    title: '全部删除，不留痕迹',
    kinds: {
      links: '网络接口',
      namespaces: '网络命名空间',
      rules: '规则行数',
      containers: '容器',
      networks: '网络',
      mounts: '容器的挂载',
      processes: '容器的进程',
    },
    same: (kind, before, after) => `${kind}：创建第一个容器之前 ${before}，现在 ${after}，完全一样`,
    free: '其他程序又可以监听 9001 端口',
    why: '留下的只有默认网络，等着下一个容器；它会随这个私有环境一起消失。',
  },
};
