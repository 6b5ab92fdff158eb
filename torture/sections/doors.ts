import { clientDialects, parsed } from '../lab/conversation.ts'
import { expect, Failure, NotApplicable } from '../lab/failure.ts'
import type { Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'

/** Asks with other credentials. It must be refused in the form of the surface, without asking the upstream. */
async function shutOut(lab: Lab, key: string): Promise<undefined> {
  const fields = { authorization: key === '' ? '' : `Bearer ${key}`, 'x-api-key': '' }
  const { status, text, conversation } = await lab.ask({ fields })
  expect(conversation.exchanges.length === 0, 'the upstream was asked', conversation)
  expect(status === 401 || status === 403, `the status is ${status}`, conversation)
  const problem = clientDialects[lab.lane.surface].errorProblem(parsed(text))
  if (problem) throw new Failure(`the error is not in the form of its surface: ${problem}`, conversation)
  return undefined
}

const missing: Check = {
  id: 'door/no-key',
  claim: 'A request without a key is refused with 401 or 403, in the form of the surface.',
  per: 'surface',
  needs: 'key',
  run: (lab) => shutOut(lab, ''),
}

const wrong: Check = {
  id: 'door/wrong-key',
  claim: 'A request with a wrong key is refused with 401 or 403.',
  per: 'surface',
  needs: 'key',
  run: (lab) => shutOut(lab, 'sk-wrong'),
}

const beginning: Check = {
  id: 'door/half-key',
  claim: 'The beginning of a key, or a key with something after it, does not let in.',
  per: 'surface',
  needs: 'key',
  async run(lab) {
    const { key } = lab.target
    if (key === undefined || key.length < 8) throw new NotApplicable('the key is too short')
    await shutOut(lab, key.slice(0, -1))
    return await shutOut(lab, `${key}x`)
  },
}

/** Asks as the page of another origin does. */
async function asPage(lab: Lab, method: 'OPTIONS' | 'POST') {
  const fields = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
  const asked = { ...fields, 'access-control-request-headers': 'authorization,content-type' }
  if (method === 'POST') return await lab.ask({ fields, isStream: false })
  const conversation = lab.sendRaw(lab.rawRequest('', { ...asked, authorization: '', 'x-api-key': '' }, 'OPTIONS'))
  return { ...(await lab.finish(conversation)), conversation }
}

const cookies: Check = {
  id: 'door/foreign-page',
  claim:
    "A page of another origin is not allowed to use the user's cookies: its origin is not repeated with Allow-Credentials.",
  per: 'surface',
  async run(lab) {
    for (const method of ['OPTIONS', 'POST'] as const) {
      const { fields, conversation, status } = await asPage(lab, method)
      expect(status > 0, 'there is no reply', conversation)
      const origin = fields.get('access-control-allow-origin')
      const hasCookies = fields.get('access-control-allow-credentials') === 'true'
      const isOpen = hasCookies && (origin === 'https://evil.example' || origin === '*' || origin === 'null')
      expect(!isOpen, `${method}: ${origin} may read answers with cookies`, conversation)
    }
    return undefined
  },
}

const preflight: Check = {
  id: 'door/preflight',
  claim: 'A preflight is answered without a key and without a failure, and asks no upstream.',
  per: 'surface',
  async run(lab) {
    const before = lab.upstream.asked
    const { status, conversation } = await asPage(lab, 'OPTIONS')
    expect(status > 0 && status < 500 && status !== 401, `the status is ${status}`, conversation)
    expect(lab.upstream.asked === before, 'the upstream was asked', conversation)
    return `status ${status}`
  },
}

export const doors: Section = {
  name: 'door',
  title: 'Keys and pages of other origins',
  checks: [missing, wrong, beginning, cookies, preflight],
}
