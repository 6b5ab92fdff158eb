/** Limit for the characters of a call's id. OpenAI, Responses API: `string too long. Expected a string with maximum length 64` */
const maxId = 64

/** The id of a call as this dialect takes it. The same long id is shortened in the same way in its call and in its result. */
export function callIdFor(id: string): string {
  if (id.length <= maxId) return id
  return `call_${new Bun.CryptoHasher('sha256').update(id).digest('hex').slice(0, 32)}`
}
