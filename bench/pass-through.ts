/** The simplest possible proxy on Bun. The gateway's figures are compared with it. */
const upstream = new URL(process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1').origin

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const { method, headers, signal } = request
    const body = method === 'POST' ? await request.arrayBuffer() : null
    const answer = await fetch(upstream + pathname, { method, headers, body, signal })
    const type = answer.headers.get('content-type') ?? 'application/json'
    return new Response(answer.body, { status: answer.status, headers: { 'content-type': type } })
  },
})

console.log(`pass-through on http://127.0.0.1:${server.port}`)
