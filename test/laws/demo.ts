import { demo } from '../../src/providers/demo/index.ts'
import { requestFor } from './http-rig.ts'
import type { Rig } from './subject.ts'

/** The demo answers by itself: it has no wire that could be cut. */
export async function startDemo(): Promise<Rig> {
  return {
    upstream: demo,
    secrets: [],
    fixtures: [],
    framings: [],
    async *decode() {},
    request: () => requestFor('echo'),
    betrayals: () => [],
    openConnections: () => 0,
    arrived: () => 0,
    close: async () => undefined,
  }
}
