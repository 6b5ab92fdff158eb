import type { Fields } from '../../../chat/message.ts'
import type { Services } from '../../exchange/services.ts'
import { serverKey } from './revisions.ts'

/** Adds what each result of the newer revision says. MCP 2026-07-28, basic */
export function completeResult(result: Fields, { version }: Pick<Services, 'version'>): Fields {
  return { resultType: 'complete', ...result, _meta: { [serverKey]: { name: 'tributary', version } } }
}
