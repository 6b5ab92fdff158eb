import { demo } from '../../src/providers/demo/index.ts'
import { requestFor } from './http-rig.ts'
import type { Rig } from './subject.ts'

/** Starts the demo upstream. It answers within the process, so there is no connection to cut. */
export async function startDemo(): Promise<Rig> {
  return {
    upstream: demo,
    secrets: [],
    fixtures: [],
    framings: [],
    async *decode() {},
    request: () => requestFor('echo'),
    leaks: () => [],
    openConnections: () => 0,
    arrived: () => 0,
    close: async () => undefined,
  }
}
