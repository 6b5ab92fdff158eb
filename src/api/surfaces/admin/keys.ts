import { ChatError } from '../../../chat/error.ts'
import type { ListedKey } from '../../../keys/client-keys.ts'
import { type KeySettings, membersIn, readKey } from '../../../keys/named-key.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import type { SurfaceRoute } from '../surface.ts'

const shared = { access: 'admin', cors: false } as const

/** The routes for the client keys that have a name. */
export const keyRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    method: 'GET',
    path: '/admin/keys',
    summary: 'Lists the client keys that have a name',
    gives: 'ClientKeyList',
    handler: answerJson(async (_request, _call, { clientKeys }) => ({
      body: { object: 'list', data: (await clientKeys.list()).map(encode) },
    })),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/keys',
    summary: 'Adds a client key, whose text only this answer has',
    takes: 'NewClientKey',
    gives: 'AddedClientKey',
    fails: ['conflict'],
    handler: answerJson(async (request, _call, { clientKeys }) => {
      const { settings, key: chosen, hash } = readKey(await request.json())
      if (chosen !== undefined || hash !== undefined) throw chosenKey()
      const { key, text } = await clientKeys.add(settings)
      return { body: { ...encode({ key, source: 'state' }), key: text } }
    }),
  },
  {
    ...shared,
    method: 'PATCH',
    path: '/admin/keys/{name}',
    summary: 'Changes the limits of a client key; null removes one',
    takes: 'ClientKeyChanges',
    gives: 'ClientKey',
    fails: ['not-found', 'conflict'],
    handler: answerJson(async (request, _call, { clientKeys }) => {
      const key = await clientKeys.change(request.param('name') ?? '', membersIn(await request.json()))
      return { body: encode({ key, source: 'state' }) }
    }),
  },
  {
    ...shared,
    method: 'DELETE',
    path: '/admin/keys/{name}',
    summary: 'Revokes a client key',
    gives: 'RevokedClientKey',
    fails: ['not-found', 'conflict'],
    handler: answerJson(async (request, _call, { clientKeys }) => {
      const name = request.param('name') ?? ''
      await clientKeys.remove(name)
      return { body: { name, deleted: true } }
    }),
  },
]

/** A key without its hash. */
function encode({
  key,
  source,
}: ListedKey): KeySettings & { readonly source: string; readonly created: string | null } {
  const { hash: _, created = null, ...settings } = key
  return { ...settings, source, created }
}

function chosenKey(): ChatError {
  return new ChatError('invalid-request', {
    message: 'The gateway makes the key itself, so that nobody can guess it. Leave out "key" and "hash".',
    code: 'invalid_value',
  })
}
