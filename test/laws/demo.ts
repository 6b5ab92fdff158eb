import { demo } from '../../src/providers/demo/index.ts'
import type { Rig } from './subject.ts'

/** The demo answers by itself: it has no wire that could be cut. */
export async function startDemo(): Promise<Rig> {
  return {
    upstream: demo,
    secrets: [],
    fixtures: [],
    framings: [],
    request: () => ({
      dialect: 'openai-chat',
      model: 'echo',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
      parameters: {},
      spelling: {},
      extra: {},
      stream: true,
    }),
    betrayals: () => [],
    openConnections: () => 0,
    arrived: () => 0,
    close: async () => undefined,
  }
}
