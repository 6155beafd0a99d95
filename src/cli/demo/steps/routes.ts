/** @module The routes in a container. */

import type { Stage } from '../stage.ts';

export async function showRoutes(stage: Stage): Promise<void> {
  stage.sameAs('route -n');
  const { stdout: routes } = await stage.show('mynginx1', 'ip route show');
  const { stdout: way } = await stage.show('mynginx1', 'ip route get 198.51.100.1');
  stage.check(stage.text.routes.direct, /^172\.17\.0\.0\/16 dev eth0 /m.test(routes));
  stage.check(
    stage.text.routes.gateway,
    routes.includes('default via 172.17.0.1 dev eth0') && way.includes('via 172.17.0.1'),
  );
}
