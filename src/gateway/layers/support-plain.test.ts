import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { Part } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import { aCall, aRequest } from '../chat.double.ts'
import { support } from './support.ts'

/** Every type of part. An upstream that takes them all takes what one without a list takes, but each request is read in full. */
const allParts = [
  'text',
  'refusal',
  'reasoning',
  'image',
  'audio',
  'file',
  'tool-call',
  'server-tool-call',
  'server-tool-result',
] as const satisfies readonly Part['type'][]

/** What an upstream gets of a request, and what the client is told. */
function outcomeOf(offered: Support, request: ChatRequest): unknown {
  const seen: ChatRequest[] = []
  const chat: Chat = (arrived) => {
    seen.push(arrived)
    return readyFlow()
  }
  const call = aCall()
  try {
    support('lab', offered)(chat)(request, call)
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { reason: thrown.reason, param: thrown.param, message: thrown.message }
  }
  return { seen, receipt: [...call.receipt.parameters].sort() }
}

const treatment = fc.constantFrom('honoured', 'mapped', 'emulated' as const)
/** Makes objects with some of these members. Each is present in a third of the cases, so that many requests are plain. */
function sparse<T extends object>(members: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  const names = Object.keys(members)
  const kept = fc.array(fc.nat(2), { minLength: names.length, maxLength: names.length })
  return fc.tuple(fc.record<T>(members), kept).map(([whole, chances]) => {
    const some: Partial<T> = { ...whole }
    for (const name in some) if (chances[names.indexOf(name)] !== 0) delete some[name]
    return some
  })
}

const supports: fc.Arbitrary<Support> = fc
  .tuple(
    fc.record({ temperature: treatment, maxTokens: treatment, tools: treatment, responseFormat: treatment }),
    sparse<Omit<Support, 'parameters'>>({
      extraOf: fc.constantFrom('openai-chat', 'other'),
      extraFields: fc.record({
        of: fc.constantFrom('openai-chat', 'other'),
        names: fc.constantFrom(['top_k'], ['functions'], []),
      }),
      lacksFields: fc.constantFrom(['top_k'], []),
      names: fc.constant({ maxTokens: 'max_tokens' }),
      ranges: fc.constant({ temperature: { min: 0, max: 1 } }),
      words: fc.constant({ reasoningEffort: { high: 'low' } }),
      formats: fc.constantFrom<Support['formats'][]>(['text'], ['text', 'json']),
      exceptions: fc.constant([{ models: /el$/, lacks: ['temperature'] }]),
    }),
  )
  .map(([parameters, others]) => ({ parameters, ...others }))

const parameters = sparse<Parameters>({
  temperature: fc.constantFrom(0, 2),
  maxTokens: fc.constant(5),
  tools: fc.constantFrom<Parameters['tools'][]>([], [{ type: 'function', name: 'f' }]),
  responseFormat: fc.constantFrom<Parameters['responseFormat'][]>({ type: 'text' }, { type: 'json' }),
  reasoningEffort: fc.constant('high'),
})

const requests: fc.Arbitrary<ChatRequest> = fc
  .record({
    parameters,
    limitName: fc.constantFrom('max_tokens', 'max_completion_tokens'),
    fields: sparse({ top_k: fc.constant(5), functions: fc.constantFrom([], [{}]) }),
    odd: sparse<Pick<ChatRequest, 'unread' | 'sent'>>({
      unread: fc.constant([{ param: 'temperature', message: 'odd', code: 'odd', parameter: 'temperature' }]),
      sent: fc.constant({ stop: { raw: 5, read: undefined } }),
    }),
  })
  .map(({ parameters, limitName, fields, odd }) => ({
    ...aRequest,
    parameters,
    spelling: Object.fromEntries(Object.keys(parameters).map((key) => [key, key === 'maxTokens' ? limitName : key])),
    extra: { 'openai-chat': fields },
    ...odd,
  }))

test('a request that is passed on at a glance is treated like one that is read in full', () => {
  fc.assert(
    fc.property(supports, requests, (offered, request) => {
      expect(outcomeOf(offered, request)).toEqual(outcomeOf({ ...offered, parts: allParts }, request))
    }),
    { numRuns: runs(20_000) },
  )
})
