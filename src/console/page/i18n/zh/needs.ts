import { code } from '../marks.ts'
import type { KindWords, NeedWords } from '../need-words.ts'

const again = ({ until }: NeedWords) => (until ? `网关将在${until}再次尝试。` : '')
const onlyModels = ({ list }: NeedWords) => {
  const models = list('models')
  return models ? `仅涉及 ${models}。` : ''
}
const byOperator = ({ text }: NeedWords) => text('code') === 'rested_by_operator'
const inARow = ({ number }: NeedWords) => {
  const failures = number('failures') ?? 0
  return failures > 1 ? `：已连续 ${failures} 次请求失败` : ''
}
const secondsOff = ({ number }: NeedWords) => number('seconds') ?? 0

/** 需要处理的事项与建议，按类别。 */
export const needs: Readonly<Record<string, KindWords>> = {
  no_upstream: {
    cause: () => '尚未设置任何上游，目前只有内置演示会应答。',
    step: () => '添加您所用服务的 API 密钥或会话。',
  },
  account_needs_login: {
    cause: ({ account, upstream }) => `${upstream} 的账号 ${account} 的登录会话已失效。`,
    step: () => '在无痕窗口中登录该服务，复制新的会话并粘贴到这里。',
  },
  account_banned: {
    cause: ({ account, upstream }) => `${upstream} 已封禁账号 ${account}。`,
    step: () => '阅读该服务的说明与条款，并联系该服务。请勿换一个账号来绕过封禁。如果账号已不可用，请在此移除。',
  },
  account_refused: {
    cause: ({ account, upstream }) => `${upstream} 拒绝了账号 ${account} 的凭据。`,
    step: (need) => `到该服务查看凭据是否已被吊销或余额不足，然后粘贴新的凭据。${again(need)}`,
  },
  account_exhausted: {
    cause: (need) => `${need.upstream} 的账号 ${need.account} 的配额已用完。${onlyModels(need)}`,
    step: ({ until }) =>
      `${until ? `请等待：将在${until}恢复使用。` : '请等待该服务重置配额。'}如果来不及，可在该服务购买更多额度，或让路由使用其他上游。`,
  },
  account_challenged: {
    cause: ({ account, upstream }) => `${upstream} 向账号 ${account} 显示了人机验证页面。`,
    step: ({ until }) =>
      `请用自己的浏览器查看能否进入该服务。网关从不代为通过验证：该账号正在休息${until ? `，将在${until}再次尝试` : ''}。如果反复出现，请减少使用，或改用其 API。`,
  },
  account_resting: {
    cause: (need) =>
      `${need.upstream} 的账号 ${need.account} 正在休息${byOperator(need) ? '：有人在此控制台让它休息' : ''}。${onlyModels(need)}`,
    step: (need) =>
      `无需处理：${need.until ? `将在${need.until}恢复使用` : '会自动恢复使用'}。${byOperator(need) ? '如果需要提前使用，请恢复它。' : ''}`,
  },
  account_expires_soon: {
    cause: ({ account, upstream, until }) =>
      `${upstream} 的账号 ${account} 的会话${until ? `将在${until}` : '即将'}到期，且不会自动续期。`,
    step: () => '请在此之前粘贴新的会话。',
  },
  upstream_unreachable: {
    cause: ({ upstream, text }) => `无法连接 ${upstream}${text('host') ? `（${text('host')}）` : ''}。`,
    step: (need) => `检查本机网络和域名解析是否正常，以及该服务是否在线，然后测试。${again(need)}`,
  },
  upstream_failing: {
    cause: (need) => `${need.upstream} 出现故障${inARow(need)}。`,
    step: (need) =>
      `查看该服务的状态页：故障很可能在对方。配置带有第二个上游的路由，客户端就不会受影响。${again(need)}`,
  },
  upstream_used_up: {
    cause: (need) => `${need.upstream} 目前没有可用的账号：都已达到限额或正在休息。${onlyModels(need)}`,
    step: ({ until }) =>
      `${until ? `请等待：第一个账号将在${until}恢复使用。` : '请等待该服务重置限额。'}在此期间可让路由使用其他上游。`,
  },
  upstream_wrong_address: {
    cause: ({ upstream, typed }) =>
      `${upstream} 的地址有误：${typed('address') ? `${typed('address')} ` : '该地址'}返回的不是 API。`,
    step: ({ variable = '它的地址设置' }) =>
      `更正 ${variable}：应为 OpenAI 客户端使用的基础地址，几乎总以 ${code('/v1')} 结尾。然后重新读取设置。`,
  },
  upstream_outdated: {
    cause: ({ upstream }) => `${upstream} 不再接受此版本 tributary 发送的请求。`,
    step: () => '请升级 tributary。在此之前请使用其他上游。',
  },
  model_failing: {
    cause: (need) => `${need.upstream} 的模型 ${need.model} 出现故障${inARow(need)}。`,
    step: (need) => `查看它最近的请求，暂时使用其他模型。${again(need)}`,
  },
  drift: {
    cause: ({ upstream, text }) =>
      `${upstream} 的应答格式发生了变化：${
        {
          unknown_event: '出现了此版本不认识的事件',
          missing_field: '缺少此版本需要的字段',
          wrong_type: '某个字段的类型与此版本的预期不同',
        }[text('what') ?? ''] ?? '与此版本的预期不同'
      }。`,
    step: () => '查看其结构。如果应答有误，请升级 tributary；如果没有影响，可标记为已看过。',
  },
  tool_server_failed: {
    cause: ({ toolServer }) => `工具服务器 ${toolServer} 已停止工作，它的工具暂不可用。`,
    step: () => '按其提示修复，然后重启它。',
  },
  tool_command_missing: {
    cause: ({ toolServer, typed }) =>
      `工具服务器 ${toolServer} 无法启动：本机没有命令 ${typed('command') ?? '（配置中的命令）'}。`,
    step: ({ typed }) =>
      `为运行 tributary 的用户安装 ${typed('command') ?? '该命令'}，然后重启此工具服务器；或在 ${code('MCP_SERVERS')} 中写明完整路径，并重启 tributary。`,
  },
  store_failing: {
    cause: () => '状态无法写入。应答不受影响，但续期的会话和聊天记录可能丢失。',
    step: () => `检查 ${code('STATE_URL')} 指定的位置：它是否存在，tributary 是否有写入权限？`,
  },
  disk_full: {
    cause: () => '磁盘已满，状态无法写入。应答不受影响。',
    step: () => `在 ${code('STATE_URL')} 所在的磁盘上腾出空间，之后会自动恢复。请勿删除状态文件。`,
  },
  redis_gone: {
    cause: () => '无法连接 Redis。在恢复之前，限额、会话和聊天记录无法共享。',
    step: () => `启动 Redis，或检查 ${code('STATE_URL')} 中的地址。网关会自动重新连接。`,
  },
  clock_off: {
    cause: (need) =>
      `本机时钟${secondsOff(need) < 0 ? '慢' : '快'}了 ${Math.abs(secondsOff(need))} 秒，会话的到期时间会判断得过${secondsOff(need) < 0 ? '晚' : '早'}。`,
    step: () => `让本机通过网络校时：${code('timedatectl set-ntp true')}。`,
  },
  budget_spent: {
    cause: ({ key, count, text }) => `密钥 ${key} 的预算 ${count('amount')} ${text('unit') ?? ''} 已用完。`,
    step: ({ until }) =>
      `它的请求会被拒绝${until ? `，将在${until}恢复` : ''}。如果来不及，请提高预算，或查看用在了哪里。`,
  },
  budget_near: {
    cause: ({ key, count, text }) =>
      `密钥 ${key} 已用去预算 ${count('amount')} ${text('unit') ?? ''} 的 ${count('percent')}%。`,
    step: ({ until }) => `如需使用更久，请提高预算。${until ? `预算将在${until}重新计算。` : ''}`,
  },
  key_expired: {
    cause: ({ key, number }) =>
      `密钥 ${key} 已过期${number('refused') ? `，使用它的 ${number('refused')} 次请求被拒绝` : ''}。`,
    step: () => '为使用者延长期限或换发新密钥；如果不应再使用，请吊销它。',
  },
  cache_broken: {
    cause: ({ key, number }) =>
      `使用密钥 ${key} 的客户端破坏了提示缓存${number('breaks') && number('requests') ? `（${number('requests')} 次请求中有 ${number('breaks')} 次）` : ''}，相同的内容要付全价。`,
    step: () => '查看该请求与上一次从哪里开始不同。常见原因是系统提示中的时间或随机数：让客户端把它放到末尾。',
  },
  overloaded: {
    cause: ({ text, number }) =>
      `网关负载过高${{ memory: '：内存不足', 'event-loop': '：处理器繁忙', calls: '：并发请求已满' }[text('short_of') ?? ''] ?? ''}。${number('refused') ? `五分钟内有 ${number('refused')} 次请求被拒绝。` : ''}`,
    step: ({ text }) =>
      ({
        memory: '增加内存，或减少同时运行的请求。',
        'event-loop': `减少并发，或通过 ${code('WORKERS')} 使用更多核心。`,
        calls: `如果机器能承受，请提高 ${code('MAX_STREAMS')}，或减少并发。`,
      })[text('short_of') ?? ''] ?? '减少并发，或换用更大的机器。',
  },
  open_to_everyone: {
    cause: () => '任何能访问本机的人都可以使用您的账号：网关在没有密钥的情况下监听其他机器。',
    step: () =>
      `把 ${code('API_MASTER_KEY')} 设为 ${code('openssl rand -hex 32')} 的输出并重新启动；或把 ${code('HOST')} 设为 ${code('127.0.0.1')}。`,
  },
  weak_key: {
    cause: ({ variable = code('API_MASTER_KEY') }) => `${variable} 中的密钥容易被猜到。`,
    step: () => `换成 ${code('openssl rand -hex 32')} 的输出，重新读取设置，并通知您的客户端。`,
  },
  reload_failed: {
    cause: () => '新的设置有问题，原来的设置仍然有效。',
    step: ({ variable = '它' }) => `更正 ${variable}，然后重新读取设置。`,
  },
  log_dropped: {
    cause: ({ count }) => `有 ${count('lines')} 行日志因没有及时读取而被丢弃。`,
    step: () => '检查读取 tributary 输出的程序：磁盘是否已满，终端是否暂停，采集是否过慢。',
  },
}

/** 本页面不认识的类别。 */
export const otherNeed: KindWords = {
  cause: ({ kind, subjects }) => `${code(kind)}${subjects ? `：${subjects}` : ''}`,
  step: () => '阅读原因，并查看网关的日志。',
}
