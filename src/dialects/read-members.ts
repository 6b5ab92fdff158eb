import type { Fields } from '../chat/message.ts'
import type { Parameter, Parameters } from '../chat/request.ts'
import { refusedBody } from './invalid-request.ts'
import type { Reading } from './readings.ts'

/** How members of a body are read as parameters, by the names of the members. */
type Readers = Readonly<
  Record<string, { readonly parameter: Parameter; readonly read: (sent: unknown) => Reading<unknown> }>
>

/** The members in which a dialect has the parameters. */
export type Spellings = Partial<Record<Parameter, string>>

/** Reads the members that are present. @throws ChatError `invalid-request` */
export function readMembers(
  body: Fields,
  readers: Readers,
): { readonly parameters: Parameters; readonly spelling: Spellings } {
  let parameters: Parameters = {}
  const spelling: Spellings = {}
  for (const [name, { parameter, read }] of Object.entries(readers)) {
    if (body[name] === undefined || body[name] === null) continue
    const reading = read(body[name])
    if ('wrong' in reading) {
      const { wrong: problem, at: path = [], code = 'invalid_value' } = reading
      throw refusedBody({ path, problem, code }, [name])
    }
    if (reading.value === undefined) continue
    parameters = { ...parameters, [parameter]: reading.value }
    spelling[parameter] = name
  }
  return { parameters, spelling }
}
