import { ChatError } from '../../../chat/error.ts'
import type { Call } from '../../../flow/call.ts'
import { encodeReport, rowsOf, toCsv } from '../../../usage/encode-report.ts'
import { readQuery } from '../../../usage/read-query.ts'
import type { ReportQuery } from '../../../usage/report.ts'
import { answerJson, type JsonReply, type JsonRequest } from '../../exchange/answer-json.ts'
import type { Services } from '../../exchange/services.ts'

/** `GET /admin/usage?by=day|model|upstream|key&from=&to=&key=&format=csv` */
export const reportUsage = answerJson((request, call, services) =>
  answer(request, services, readAsked(request, call, request.query('key'))),
)

/** `GET /v1/usage`, with the same parameters: what the caller's own key has used. */
export const reportOwnUsage = answerJson((request, call, services) =>
  answer(request, services, { ...readAsked(request, call), caller: call.caller.id }),
)

function readAsked(request: JsonRequest, { signal }: Call, key?: string): ReportQuery {
  const [by, from, to] = ['by', 'from', 'to'].map((name) => request.query(name))
  return readQuery({ by, from, to, key }, signal.runtime.now())
}

async function answer(request: JsonRequest, { usage }: Services, query: ReportQuery): Promise<JsonReply> {
  const isCsv = wantsCsv(request)
  const report = encodeReport(await usage.report(query), usage.prices)
  if (!isCsv) return { body: report }
  return { body: new Blob([toCsv(rowsOf(report))]), type: 'text/csv; charset=utf-8' }
}

function wantsCsv(request: JsonRequest): boolean {
  const format = request.query('format')
  if (format === undefined) return /^text\/csv\b/.test(request.header('accept') ?? '')
  if (format === 'csv' || format === 'json') return format === 'csv'
  throw new ChatError('invalid-request', {
    message: 'format: must be "json" or "csv".',
    param: 'format',
    code: 'invalid_value',
  })
}
