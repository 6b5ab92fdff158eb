import type { Fields } from '../chat/message.ts'
import type { ChatRequest } from '../chat/request.ts'
import { isFields } from './fields.ts'
import { mustBe, refusedBody } from './invalid-request.ts'

/** A key of the client's own, as some gateways ask for it, and what the client wants of this gateway. */
const members = ['api_key', 'tributary'] as const

/** Whether a member or a form's field of this name is meant for a gateway. */
export function isGatewayMember(name: string): boolean {
  return members.some((one) => one === name)
}

/** Whether a body has members that are meant for a gateway, in any dialect. */
export function hasGatewayMembers(body: Fields): boolean {
  return members.some((name) => name in body)
}

/** Removes those members. The gateway asks with its own key, and no upstream may see a client's. */
export function withoutGatewayMembers(body: Fields): Fields {
  if (!hasGatewayMembers(body)) return body
  const { api_key: _key, tributary: _wishes, ...others } = body
  return others
}

/** Reads what the client wants of this gateway: `"tributary": {"emulate": false}`. @throws ChatError `invalid-request` */
export function gatewayWishes({ tributary }: Fields): Pick<ChatRequest, 'emulate'> {
  if (tributary === undefined || tributary === null) return {}
  if (!isFields(tributary)) throw wrong(['tributary'], mustBe('an object', tributary))
  const { emulate = true } = tributary
  if (typeof emulate !== 'boolean') throw wrong(['tributary', 'emulate'], mustBe('true or false', emulate))
  return emulate ? {} : { emulate }
}

function wrong(path: readonly string[], problem: string) {
  return refusedBody({ path, problem, code: 'invalid_type' })
}
