// SPDX-License-Identifier: Apache-2.0
// Every scenario by its name. A scenario gets the lab as the one before left
// it, throws when something does not hold, and returns what it measured.
import type { Lab } from "../lab/lab.ts";
import { foreignClient } from "../grpc/live.ts";
import { badBeats } from "./badBeats.ts";
import { demo } from "./demo.ts";
import { isolation } from "./isolation.ts";
import { outages } from "./outages.ts";
import { refusals } from "./refusals.ts";
import { down, restartOne, survive } from "./survive.ts";
import { twins } from "./twins.ts";

export type Scenario = (lab: Lab) => Promise<Record<string, unknown>>;

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  demo, foreignClient, survive, restartOne, down, isolation, refusals, outages, badBeats, twins,
};
