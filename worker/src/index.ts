// SPDX-License-Identifier: Apache-2.0
// The worker's entry: a fetch handler and the Durable Object. Nothing else.
import type { Bindings } from "./env.ts";
import { route } from "./routes.ts";

export { Caps } from "./caps.ts";

export default { fetch: (request, env) => route(request, env) } satisfies ExportedHandler<Bindings>;
