// SPDX-License-Identifier: Apache-2.0
// The stranger as a program: `stranger JSON`, prints what it did as JSON.
import { flood, type Flood } from "./lab/strangers.ts";

flood(JSON.parse(process.argv[2] ?? "{}") as Flood).then(
  (done) => console.log(JSON.stringify(done)),
  (error: Error) => { console.error(error.message); process.exit(1); },
);
