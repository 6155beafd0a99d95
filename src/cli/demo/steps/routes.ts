/** @module The routes in a container. */

import type { Stage } from '../stage.ts';

export async function showRoutes(stage: Stage): Promise<void> {
  const { stdout: routes } = await stage.docker('exec mynginx1 route -n');
  const { stdout: way } = await stage.pontoon('exec mynginx1 ip route get 198.51.100.1');
  stage.check(stage.text.routes.direct, /^172\.17\.0\.0 +0\.0\.0\.0 +255\.255\.0\.0 .* eth0$/m.test(routes));
  stage.check(
    stage.text.routes.gateway,
    /^0\.0\.0\.0 +172\.17\.0\.1 .* eth0$/m.test(routes) && way.includes('via 172.17.0.1'),
  );
}
