import { ChatError } from '../../../chat/error.ts'
import {
  maxRecent,
  type RecentRequest,
  type RecentRequests,
  type RequestFilter,
} from '../../../gateway/requests/recent-requests.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'
import { text } from '../json-schema.ts'
import type { SurfaceRoute } from '../surface.ts'
import { encodeRequest, encodeWhole } from './encode-request.ts'
import { exportRequest } from './export-request.ts'

const shared = { method: 'GET', access: 'admin', cors: false } as const

/** The routes for the last requests. They have texts only with `RECORD_PROMPTS`. */
export const requestRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    path: '/admin/requests',
    summary: 'Lists the last requests, the newest first',
    gives: 'RequestList',
    query: {
      limit: { type: 'string', pattern: '^(1000|[1-9][0-9]{0,2})$' },
      key: text,
      model: text,
      upstream: text,
      outcome: text,
    },
    handler: answerJson((request, _call, { gateway: { requests } }) => ({
      body: { object: 'list', data: requests.list(filterIn(request)).map(encodeRequest) },
    })),
  },
  {
    ...shared,
    path: '/admin/requests/{id}',
    summary: 'Shows one of the last requests, and what its conversation used',
    gives: 'RequestDetails',
    fails: ['not-found'],
    handler: answerJson((request, _call, { gateway: { requests } }) => {
      const found = requests.find(request.param('id') ?? '')
      if (!found) throw unknownRequest('GET /admin/requests lists them.')
      return { body: encodeWhole(found, wholeOf(found, requests)) }
    }),
  },
  {
    ...shared,
    path: '/admin/requests/{id}/export',
    summary: 'Shows one of the last requests without names and texts, as a file for `tributary replay`',
    gives: 'RequestExport',
    fails: ['not-found'],
    handler: answerJson((request, _call, { gateway: { requests } }) => {
      const found = requests.find(request.param('id') ?? '')
      if (!found) throw unknownRequest('GET /admin/requests lists them.')
      const headers = { 'content-disposition': 'attachment; filename="tributary-request.json"' }
      return { body: exportRequest(found, requests.textsOf(found)), headers }
    }),
  },
  {
    ...{ method: 'GET', access: 'client', cors: false, path: '/v1/requests/{id}' },
    summary: "Shows one of the last requests of the caller's own key",
    gives: 'RequestDetails',
    fails: ['not-found'],
    handler: answerJson((request, { caller }, { gateway: { requests } }) => {
      const found = requests.find(request.param('id') ?? '', caller.id)
      if (!found)
        throw unknownRequest('Only those of your own key are shown. The id is the x-request-id of the answer.')
      return { body: encodeWhole(withoutAccounts(found), wholeOf(found, requests)) }
    }),
  },
]

const usualLimit = 100

/** @throws ChatError `invalid-request` */
function filterIn(request: JsonRequest): RequestFilter {
  const limit = request.query('limit') ?? String(usualLimit)
  const count = /^[1-9]\d{0,3}$/.test(limit) ? Number(limit) : 0
  if (count < 1 || count > maxRecent)
    throw new ChatError('invalid-request', {
      message: `limit: must be a number from 1 to ${maxRecent}. That many of the last requests are kept.`,
      param: 'limit',
      code: 'invalid_value',
    })
  const [key, model, upstream, outcome] = ['key', 'model', 'upstream', 'outcome'].map((name) => request.query(name))
  return { limit: count, key, model, upstream, outcome }
}

function unknownRequest(remedy: string): ChatError {
  return new ChatError('not-found', { message: `There is no such request among the last ${maxRecent}. ${remedy}` })
}

function wholeOf(request: RecentRequest, requests: RecentRequests) {
  return { used: requests.conversation(request), texts: requests.textsOf(request) }
}

/** The accounts are the operator's. */
function withoutAccounts(request: RecentRequest): RecentRequest {
  const timeline = request.timeline.map((attempt) => ({ ...attempt, account: undefined, hashes: attempt.hashes }))
  return { ...request, account: undefined, timeline }
}
