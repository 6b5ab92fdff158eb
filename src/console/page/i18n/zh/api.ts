import type { api as english } from '../en/api.ts'
import { code } from '../marks.ts'

export const api: typeof english = {
  about: `此网关的全部接口。${code('/openapi.json')} 为程序提供同样的内容。`,
  filter: '按路径或文字筛选',
  noMatch: '没有符合条件的接口。',
  command: '调用它的命令',
  takes: '接受',
  gives: '返回',
  access: {
    open: '任何人都可以使用。',
    client: '任何密钥都可以使用。',
    admin: '只有管理员的密钥可以使用。',
  },
}
