import { describe, expect, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import type { ChatError } from '../chat/error.ts'
import { judge } from './egress.ts'
import { emulateHttp } from './emulator/http.ts'
import { send } from './http.ts'
import { lookingUp, newCancel } from './machine.double.ts'

const never = newCancel()
const anywhere = { hosts: ['*'] }
const publicly = async () => ['93.184.215.14']

const refused = { reason: 'invalid-request', code: 'base_url_not_allowed', message: expect.any(String) }

async function refusalOf(judged: Promise<unknown>): Promise<ChatError> {
  return judged.then(
    () => {
      throw new Error('it was let through')
    },
    (thrown: ChatError) => thrown,
  )
}

describe('items 1 and 7: a private address is refused in any spelling:', () => {
  const hosts = [
    ...['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '0', '0.0.0.0', '127.0.0.1.'],
    ...[
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::1]',
    ],
    ...[
      '[2002:7f00:1::]',
      '[2001::1]',
      '[2001:db8::1]',
      '[3fff::1]',
      '[fe80::1]',
      '[fc00::1]',
      '[fd00:ec2::254]',
      '[ff02::1]',
      '[100::1]',
    ],
    ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
    ...[
      '169.254.169.254',
      '168.63.129.16',
      '192.0.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '198.19.255.255',
      '198.51.100.1',
      '203.0.113.1',
    ],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'localhost', 'localhost.', 'LOCALHOST'],
    ...['１２７.0.0.1', '127。0。0。1', '①27.0.0.1', '%31%32%37.0.0.1'],
  ]
  for (const host of hosts)
    test(host, async () => expect(await refusalOf(judge(`https://${host}/v1`, anywhere, never))).toMatchObject(refused))

  test('this machine’s own addresses', async () => {
    const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
    expect(own.length).toBeGreaterThan(0)
    for (const address of own)
      expect(
        await refusalOf(
          judge(
            'https://own.example/v1',
            anywhere,
            lookingUp(async () => [address]),
          ),
        ),
      ).toMatchObject(refused)
  })
})

test('public addresses of both families are allowed, by name and by number', async () => {
  for (const [url, address] of [
    ['https://api.example.org/v1', '93.184.215.14'],
    ['https://8.8.8.8/v1', '8.8.8.8'],
    ['https://[2606:4700:4700::1111]/v1', '2606:4700:4700::1111'],
    ['https://api.example.org./v1', '93.184.215.14'],
  ] as const)
    expect(await judge(url, anywhere, lookingUp(publicly))).toMatchObject({ address })
})

describe('item 2: only a plain address is accepted:', () => {
  const urls = [
    ...[
      'file:///etc/hostname',
      'data:,x',
      'blob:https://a.example/x',
      's3://bucket/x',
      'ftp://a.example/',
      'ws://a.example/',
      'unix:/run/x',
    ],
    ...[
      'http://a.example/',
      'https://user@a.example/',
      'https://a.example@b.example/',
      'https://a.example/#x',
      'https://a.example\\@b.example/',
    ],
    ...[
      'https://a.example/\t',
      'https://a.\nexample/',
      'https://a.example/\r\nx: y',
      ' https://a.example/',
      'https:///v1',
      'https://',
      'a.example',
      '',
    ],
  ]
  for (const url of urls)
    test(JSON.stringify(url), async () =>
      expect(await refusalOf(judge(url, anywhere, lookingUp(publicly)))).toMatchObject(refused),
    )
})

describe('item 3: a name', () => {
  test('with one private address is refused', async () => {
    for (const addresses of [['93.184.215.14', '127.0.0.1'], ['10.0.0.1', '93.184.215.14'], ['::1'], []])
      expect(
        await refusalOf(
          judge(
            'https://a.example/',
            anywhere,
            lookingUp(async () => addresses),
          ),
        ),
      ).toMatchObject(refused)
  })
  test('that cannot be resolved is refused', async () => {
    const failing = async () => Promise.reject(new Error('ENOTFOUND'))
    expect(await refusalOf(judge('https://a.example/', anywhere, lookingUp(failing)))).toMatchObject(refused)
  })
  test('is resolved once, so a later change has no effect', async () => {
    const server = await emulateHttp((exchange) => exchange.reply(200, 'here'))
    const { port } = new URL(server.origin)
    let asked = 0
    const turning = async () => [asked++ === 0 ? '127.0.0.1' : '127.0.0.2']
    const policy = { hosts: [`rebinding.example:${port}`] }
    const { url, address } = await judge(`http://rebinding.example:${port}/v1`, policy, lookingUp(turning))
    const reply = await send({ method: 'GET', url: url.href, headers: {}, address }, never)
    expect(await reply.text()).toBe('here')
    expect(server.requests[0]?.headers.get('host')).toBe(`rebinding.example:${port}`)
    expect(asked).toBe(1)
    await server.close()
  })
  test('with a slow look-up is given up when its caller leaves', async () => {
    const controller = lookingUp(() => new Promise(() => undefined))
    const judged = judge('https://a.example/', anywhere, controller)
    controller.abort(new Error('left'))
    expect(judged).rejects.toThrow('left')
  })
})

test('item 6: the operator allows some hosts, private hosts with their port, or none', async () => {
  const policy = { hosts: ['api.example.org', '*.trusted.example', 'localhost:11434', '10.0.0.5:8080'] }
  const privately = async () => ['10.0.0.5']
  const isAllowed = async (url: string, resolve = publicly) =>
    judge(url, policy, lookingUp(resolve)).then(
      () => true,
      () => false,
    )
  expect(await isAllowed('https://api.example.org/v1')).toBe(true)
  expect(await isAllowed('https://eu.trusted.example/v1')).toBe(true)
  expect(await isAllowed('https://trusted.example/v1')).toBe(false)
  expect(await isAllowed('https://untrusted.example/v1')).toBe(false)
  expect(await isAllowed('https://api.example.org.evil.example/v1')).toBe(false)
  expect(await isAllowed('http://api.example.org/v1')).toBe(false)
  expect(await isAllowed('https://api.example.org/v1', privately)).toBe(false)
  expect(await isAllowed('http://localhost:11434/v1', async () => ['127.0.0.1'])).toBe(true)
  expect(await isAllowed('http://localhost:11435/v1', async () => ['127.0.0.1'])).toBe(false)
  expect(await isAllowed('http://10.0.0.5:8080/v1')).toBe(true)
  expect(await isAllowed('http://10.0.0.5/v1')).toBe(false)
  for (const url of ['https://api.example.org/v1', 'http://localhost:11434/v1'])
    expect(await refusalOf(judge(url, { hosts: [] }, lookingUp(publicly)))).toMatchObject(refused)
})

test('item 8: every refusal has the same text', async () => {
  const closed = { hosts: ['*'] }
  const refusals = await Promise.all(
    [
      judge('https://127.0.0.1/', closed, never),
      judge('ftp://a.example/', closed, lookingUp(publicly)),
      judge(
        'https://a.example/',
        closed,
        lookingUp(async () => []),
      ),
    ].map(refusalOf),
  )
  expect(new Set(refusals.map(({ message, code, param }) => JSON.stringify([message, code, param]))).size).toBe(1)
})
