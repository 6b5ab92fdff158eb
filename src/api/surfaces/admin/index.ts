import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { listUpstreams, testUpstream } from './upstreams.ts'

/** The operator's routes: how the upstreams and their accounts are, and whether they work. */
export const surface: Surface = {
  name: 'admin',
  error: encodeFailure,
  routes: [
    { method: 'GET', path: '/admin/upstreams', access: 'admin', cors: false, handler: listUpstreams },
    { method: 'POST', path: '/admin/upstreams/{name}/test', access: 'admin', cors: false, handler: testUpstream },
  ],
}
