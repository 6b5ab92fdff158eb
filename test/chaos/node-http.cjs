// Node runs this file. It reads replies, one per line in base64, and gives each to Node's own HTTP client. It prints
// one line of JSON for each: the status and body that the client has read, or an empty object if the client refused the
// reply.
const http = require('node:http')
const net = require('node:net')

const replies = require('node:fs').readFileSync(0, 'utf8').trim().split('\n')
const verdicts = []

const server = net.createServer((socket) => {
  socket.on('error', () => undefined)
  socket.once('data', (request) => socket.end(Buffer.from(replies[Number(/^GET \/(\d+)/.exec(request)[1])], 'base64')))
})

function ask(index) {
  return new Promise((resolve) => {
    const request = http.get({ port: server.address().port, host: '127.0.0.1', path: `/${index}`, agent: false })
    request.on('error', () => resolve({}))
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      resolve({})
    })
    request.on('response', (response) => {
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('error', () => resolve({}))
      response.on('close', () => {
        const isWhole = response.complete
        resolve(isWhole ? { status: response.statusCode, body: Buffer.concat(parts).toString('base64') } : {})
      })
    })
  })
}

server.listen(0, '127.0.0.1', async () => {
  for (let at = 0; at < replies.length; at += 16)
    verdicts.push(...(await Promise.all(replies.slice(at, at + 16).map((_, by) => ask(at + by)))))
  process.stdout.write(verdicts.map((verdict) => JSON.stringify(verdict)).join('\n'))
  process.exit()
})
