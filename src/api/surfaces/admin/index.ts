import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { listUpstreams, testUpstream } from './upstreams.ts'

const admin = { access: 'admin', cors: false } as const

/** The operator's routes: how the upstreams and their accounts are, and whether they work. */
export const surface: Surface = {
  name: 'admin',
  error: encodeFailure,
  routes: [
    {
      ...admin,
      method: 'GET',
      path: '/admin/upstreams',
      summary: 'Lists the upstreams and the state of their accounts',
      handler: listUpstreams,
    },
    {
      ...admin,
      method: 'POST',
      path: '/admin/upstreams/{name}/test',
      summary: 'Tries every account of an upstream',
      handler: testUpstream,
    },
  ],
}
