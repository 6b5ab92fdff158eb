/** The admin's key of the gateways of these tests. Without one, the first named key would shut everybody out. */
export const adminKey = 'sk-console-0123456789abcdef'

/** Fills a gateway with what its views show: answers, streams, failures and keys. */
export async function seed(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` }
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    return await response.text()
  }
  const chat = (model: string, more: object = {}) =>
    post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Good morning!' }], ...more })
  await post('/admin/keys', { name: 'team', rpm: 60, budget: '5 USD/month', models: ['cohere/*'] })
  await post('/admin/keys', { name: 'boss', role: 'admin', owner: 'ops@example.com' })
  for (const model of [...models, 'cohere/command-r-08-2024']) {
    await chat(model)
    await chat(model, { stream: true })
  }
  await chat('no-such-model')
  await chat('cohere/command-r-08-2024', { max_tokens: -1 })
  for (const { name } of await upstreamsOf(url, headers)) await post(`/admin/upstreams/${name}/test`, {})
}

const models = ['mistral/mistral-small-latest', 'ai21/jamba-mini', 'demo/echo']

/** Makes a key with a name. @returns its text */
export async function makeKey(url: string, settings: object): Promise<string> {
  const response = await fetch(`${url}/admin/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify(settings),
  })
  const { key }: { readonly key: string } = JSON.parse(await response.text())
  return key
}

async function upstreamsOf(url: string, headers: Readonly<Record<string, string>>) {
  const { data }: { readonly data: readonly { readonly name: string }[] } = JSON.parse(
    await (await fetch(`${url}/admin/upstreams`, { headers })).text(),
  )
  return data
}
