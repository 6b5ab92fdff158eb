import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { text } from '../json-schema.ts'
import type { Surface } from '../surface.ts'
import { accountRoutes } from './accounts.ts'
import { streamEvents } from './events.ts'
import { keyRoutes } from './keys.ts'
import { showCaller } from './me.ts'
import { showOverview } from './overview.ts'
import { requestRoutes } from './requests.ts'
import { schemas, usageQuery } from './schemas.ts'
import { settingsRoutes } from './settings.ts'
import { toolRoutes } from './tools.ts'
import { forgetDrift, listUpstreams, testUpstream } from './upstreams.ts'
import { reportOwnUsage, reportUsage } from './usage.ts'

const admin = { access: 'admin', cors: false } as const

/** The operator's routes: the state of the upstreams and their accounts, a test of them, and the client keys. */
export const surface: Surface = {
  name: 'admin',
  error: encodeFailure,
  headers: () => ({ 'cache-control': 'no-store' }),
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  routes: [
    {
      ...admin,
      method: 'GET',
      path: '/admin/overview',
      summary: 'Says what needs somebody now, the worst first, and sums the last hour',
      gives: 'Overview',
      handler: showOverview,
    },
    {
      ...admin,
      method: 'GET',
      path: '/admin/events',
      summary: 'Streams the overview, ended requests and changes of the upstreams as they come',
      streams: 'OperatorEvent',
      handler: streamEvents,
    },
    {
      ...admin,
      method: 'GET',
      path: '/admin/upstreams',
      summary: 'Lists the upstreams and the state of their accounts',
      gives: 'UpstreamList',
      handler: listUpstreams,
    },
    {
      ...admin,
      method: 'POST',
      path: '/admin/upstreams/{name}/test',
      summary: 'Tries every account of an upstream',
      gives: 'UpstreamTest',
      fails: ['not-found'],
      handler: testUpstream,
    },
    {
      ...admin,
      method: 'DELETE',
      path: '/admin/upstreams/{name}/drift',
      summary: 'Forgets what an upstream has sent otherwise than its adapter knows it',
      gives: 'ForgottenDrift',
      fails: ['not-found'],
      handler: forgetDrift,
    },
    ...accountRoutes,
    ...keyRoutes,
    ...requestRoutes,
    ...settingsRoutes,
    ...toolRoutes,
    {
      ...admin,
      method: 'GET',
      path: '/admin/usage',
      summary: 'Sums the usage and its cost by day, model, upstream or key, as JSON or CSV',
      gives: 'Usage',
      givesText: ['text/csv'],
      query: { ...usageQuery, key: text },
      handler: reportUsage,
    },
    {
      access: 'client',
      cors: false,
      method: 'GET',
      path: '/v1/me',
      showsRole: true,
      summary: 'Names the caller, its role and its limits',
      gives: 'Me',
      handler: showCaller,
    },
    {
      access: 'client',
      cors: false,
      method: 'GET',
      path: '/v1/usage',
      summary: "Sums the usage of the caller's own key",
      gives: 'Usage',
      givesText: ['text/csv'],
      query: usageQuery,
      handler: reportOwnUsage,
    },
  ],
}
