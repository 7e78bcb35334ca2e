// SPDX-License-Identifier: Apache-2.0
// The stranger as a program: `stranger JSON`, prints how it stands as JSON, a
// line at a time.
import { flood, type Flood } from "./lab/strangers.ts";

flood(JSON.parse(process.argv[2] ?? "{}") as Flood, (now) => console.log(JSON.stringify(now))).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
