package api

import "hotdrop/core"

// explanations is the closed set of codes, in the order of the document: each with whether a shopper reads it as the text of
// the refusal, its title, what happened, and what to do now.
//
//nolint:gochecknoglobals // a constant, which slices cannot be
var explanations = []explanation{
	{
		core.CodeDenied, false, both("Denied", "活动规则不允许"),
		both("A mechanic of the campaign refused this order.", "活动规则不允许这笔订单。"),
		both("Read `reason` and `text`: they are the mechanic's own words.", "请查看 reason 和 text，其中是该规则自己的说明。"),
	},
	{
		core.CodeSoldOut, true, both("Sold out", "已售罄"),
		both("There are fewer units left than you asked for.", "剩余数量不足。"),
		both("Order fewer, or look again later: units whose orders are not paid in time come back.", "请减少数量，或稍后再看：未按时付款的订单会释放库存。"),
	},
	{
		core.CodeLimitReached, true, both("Limit reached", "已达上限"),
		both("You already have as much as one shopper may have.", "您已达到每人的上限。"),
		both("Cancel an order that you have not paid, or leave it at this.", "您可以取消尚未付款的订单，或到此为止。"),
	},
	{
		core.CodePriceChanged, true, both("Price changed", "价格已变化"),
		both("The price is another one than the one you saw.", "价格与您刚才看到的不同。"),
		both("Look at the new total and order again if you agree with it.", "请查看新的总价，同意后重新下单。"),
	},
	{
		core.CodeNotInPhase, true, both("Not in phase", "不在活动时间内"),
		both("This is not possible at this time of the campaign.", "活动当前阶段不能进行此操作。"),
		both("Look at the campaign's times and come back when it is open.", "请查看活动时间，开放后再来。"),
	},
	{
		core.CodeDraining, true, both("Draining", "暂停下单"),
		both("No orders are taken for the moment, because the campaign's rules are about to change.", "活动规则即将更新，暂时不接受新订单。"),
		both(
			"Try again in a moment; an order that you have placed already can be paid as before.",
			"请稍后重试；您已下的订单仍可照常付款。",
		),
	},
	{
		core.CodeReservationRequired, true, both("Reservation required", "需要预约"),
		both("This item is for shoppers who reserved.", "该商品仅限已预约的顾客购买。"),
		both("Reserve while the campaign takes reservations, or choose another item.", "请在预约期内预约，或选择其他商品。"),
	},
	{
		core.CodeQuotaExhausted, true, both("Quota exhausted", "名额已用完"),
		both("What this offer had to give has run out.", "该优惠的名额已用完。"),
		both("Ask for the price again: it is without this offer now.", "请重新查看价格，新的价格不含该优惠。"),
	},
	{
		core.CodeAlreadyUsed, true, both("Already used", "已使用过"),
		both("This is possible once, and it has been used.", "该优惠只能使用一次，您已经使用过。"),
		both(
			"Look at your orders: one of them may hold it, and cancelling it before it is paid gives it back.",
			"请查看您的订单：可能有订单占用了它，付款前取消即可恢复。",
		),
	},
	{
		core.CodeVoucherInvalid, true, both("Voucher invalid", "优惠券无效"),
		both("This voucher does not exist here, or gives nothing on this order.", "优惠券不存在，或不适用于这笔订单。"),
		both("Check the code, or order without it.", "请核对券码，或不使用优惠券下单。"),
	},
	{
		core.CodeVoucherExpired, true, both("Voucher expired", "优惠券已过期"),
		both("The time of this voucher is over.", "该优惠券已过期。"),
		both("Order without it, or use another one.", "请不使用它下单，或换一张。"),
	},
	{
		core.CodeVoucherUsed, true, both("Voucher used", "优惠券已使用"),
		both("This voucher is in another order.", "该优惠券已用于另一笔订单。"),
		both("Cancel that order if it is yours and not paid, or use another voucher.", "如果那是您尚未付款的订单，可以取消它；也可以换一张优惠券。"),
	},
	{
		core.CodeLockedOut, true, both("Locked out", "暂时锁定"),
		both("Too many wrong voucher codes were tried.", "输入错误券码的次数过多。"),
		both("Try again in a quarter of an hour, or order without a voucher.", "请一刻钟后再试，或不使用优惠券下单。"),
	},
	{
		core.CodePoolExhausted, true, both("Pool exhausted", "优惠券已发完"),
		both("There are no vouchers left to grant.", "优惠券已全部发完。"),
		both("Go on without one.", "请不使用优惠券继续。"),
	},
	{
		core.CodeGroupClosed, true, both("Group closed", "拼团已结束"),
		both("This group has ended, or is not for this order.", "该团已结束，或不适用于这笔订单。"),
		both("Open a group of your own, or join another one.", "请自己开团，或加入其他团。"),
	},
	{
		core.CodeGroupFull, true, both("Group full", "团已满"),
		both("This group has no seat left.", "该团已满员。"),
		both("Open a group of your own, or join another one.", "请自己开团，或加入其他团。"),
	},
	{
		core.CodeDrawClosed, true, both("Draw closed", "抽奖已截止"),
		both("This draw takes no more entries.", "该抽奖已停止报名。"),
		both("Look at the draw: its winners are published there.", "请查看该抽奖，中奖结果会在那里公布。"),
	},
	{
		core.CodeStopped, true, both("Stopped", "已暂停"),
		both("The seller has stopped this sale for now.", "卖家已暂停该活动。"),
		both("Orders that you have placed can still be paid. Look again later.", "已下的订单仍可支付，请稍后再来看看。"),
	},
	{
		core.CodeQueueTokenRequired, true, both("Queue token required", "需要排队凭证"),
		both("This sale has a waiting room, and the order came without the token that it gives.", "该活动需要排队，订单缺少排队凭证。"),
		both(
			"Join the waiting room, wait until you are let in, and order with the token that you get there.",
			"请先加入排队，轮到您后使用获得的凭证下单。",
		),
	},
	{
		core.CodeQueueTokenInvalid, true, both("Queue token invalid", "排队凭证无效"),
		both("This queue token is not yours, has expired, or has let an order in already.", "该排队凭证不属于您、已过期或已使用。"),
		both("Look at your place in the waiting room; you can join again.", "请查看您的排队状态，您可以重新排队。"),
	},
	{
		core.CodeOwnLink, true, both("Own link", "自己的链接"),
		both("This is your own link, and only others count.", "这是您自己的链接，只有他人访问才计数。"),
		both("Share it with others.", "请把链接分享给他人。"),
	},
	{
		CodeRateLimited, true, both("Rate limited", "请求过于频繁"),
		both("More requests came than are allowed at once.", "请求次数超过了允许的频率。"),
		both(
			"Wait for as many seconds as Retry-After says, then send the same request again; nothing was changed.",
			"请等待 Retry-After 给出的秒数后再发送相同的请求；没有做任何更改。",
		),
	},
	{
		core.CodeInvalid, true, both("Invalid", "请求无效"),
		both("The request breaks the contract of its operation.", "请求不符合该接口的约定。"),
		both("Correct the places that `errors` or `problems` list, then send it again.", "请按 errors 或 problems 中列出的位置改正后再发送。"),
	},
	{
		core.CodeNotFound, true, both("Not found", "未找到"),
		both("There is no such thing, or it is not yours.", "该内容不存在，或不属于您。"),
		both("Check the path and the ids in it, and whose token or key you send.", "请检查路径和其中的编号，以及所用的令牌或密钥。"),
	},
	{
		core.CodeIdempotencyMissing, true, both("Idempotency key missing", "缺少幂等键"),
		both("A request that moves stock or money came without its Idempotency-Key.", "会改变库存或资金的请求缺少 Idempotency-Key。"),
		both(
			"Send the header Idempotency-Key with a name of your own for the request, and the same one when you try again.",
			"请在 Idempotency-Key 头中为该请求起一个名字，重试时使用相同的名字。",
		),
	},
	{
		core.CodeIdempotencyMismatch, false, both("Idempotency key mismatch", "幂等键不匹配"),
		both("This Idempotency-Key was used with another request.", "该 Idempotency-Key 已用于另一个请求。"),
		both("Use a new key for a new request; send the same body with the old one.", "新请求请使用新的键；旧的键请发送相同的内容。"),
	},
	{
		core.CodeInFlight, false, both("In flight", "正在处理"),
		both("A request with this Idempotency-Key is being worked on.", "使用该 Idempotency-Key 的请求正在处理中。"),
		both("Send the same request again in a moment to read its answer.", "请稍后再次发送相同的请求以获取结果。"),
	},
	{
		core.CodeInsufficientFunds, true, both("Insufficient funds", "余额不足"),
		both("The wallet holds less than is due.", "钱包余额不足以支付。"),
		both("Add money to the wallet and pay again before the order's hold runs out.", "请充值后在订单保留期内重新付款。"),
	},
	{
		core.CodeWrongState, true, both("Wrong state", "当前状态不允许"),
		both("Where this stands now, this cannot be done.", "当前状态下不能进行此操作。"),
		both("Look at it again to see its state and what is possible now.", "请重新查看它的状态，再决定下一步。"),
	},
	{
		core.CodeRefunded, true, both("Refunded", "已退款"),
		both("The payment came too late or was made twice, and the money was given back.", "付款过晚或重复，款项已退回。"),
		both("Place a new order if you still want the item.", "如仍需要该商品，请重新下单。"),
	},
	{
		core.CodePreconditionFailed, false, both("Precondition failed", "版本不一致"),
		both("It has changed since you read it.", "内容在您读取之后已经变化。"),
		both(
			"Read it again and send the new ETag as If-Match, or of a rollout its number as `expect`.",
			"请重新读取，并用新的 ETag 作为 If-Match；如果是规则集发布，请把它的新编号填入 expect。",
		),
	},
	{
		core.CodeBelowTaken, false, both("Below taken", "低于已用数量"),
		both("A limit cannot be lowered below what is taken already.", "上限不能低于已被占用的数量。"),
		both("Choose a number that is at least what is taken.", "请选择不小于已占用数量的数值。"),
	},
	{
		core.CodeNotReady, false, both("Not ready", "节点未就绪"),
		both("A node has not compiled what is to decide, or cannot; nothing was changed.", "有节点尚未编译或无法编译将要生效的规则，没有做任何更改。"),
		both(
			"Read the detail: it names each node and its reason. Try again, end that node, or force the change: such a node then serves nobody.",
			"请查看 detail，其中列出了每个节点及原因。可以重试、停止该节点，或强制更改：未就绪的节点将停止服务。",
		),
	},
	{
		core.CodeApprovalRequired, false, both("Approval required", "需要另一人批准"),
		both(
			"One person may not do this alone: it moves prices, budgets or money further than the campaign lets one person, loosens "+
				"what guards the sale, or is a plugin that you made, or something that you asked for or have approved already.",
			"此操作不能由一个人单独决定：价格、预算或资金的变动超过允许的幅度，或放宽了保护措施，或者该插件由您制作，或该变更由您提出或您已批准过。",
		),
		both(
			"Let somebody else approve it, or, if it is a campaign file, apply the same file.",
			"请由另一人批准；如果是活动文件，请由其应用同一份文件。",
		),
	},
	{
		core.CodeSignatureInvalid, false, both("Signature invalid", "签名无效"),
		both(
			"The plugin's signature is missing where one is asked for, or is none of these bytes by a key that its brand has "+
				"registered and not revoked.",
			"缺少所要求的插件签名，或者该签名与插件内容不符，或者所用密钥未由品牌登记或已吊销。",
		),
		both(
			"Register the public key, sign the digest of exactly these bytes, and send the key's id and the signature.",
			"请先登记公钥，对这些字节的摘要签名，再发送密钥 ID 和签名。",
		),
	},
	{
		core.CodeMechanicFailed, true, both("Mechanic failed", "活动规则出错"),
		both("A mechanic could not decide, and the campaign says that nothing is sold without it.", "活动规则未能作出决定，因此暂不能下单。"),
		both("Try again; if it stays, tell the campaign's staff, who see the cause in the explanation.", "请重试；如仍失败，请联系活动员工，他们可以看到原因。"),
	},
	{
		core.CodeUnavailable, false, both("Unavailable", "暂时不可用"),
		both("The store does not answer at the moment.", "存储暂时没有响应。"),
		both("Send the same request again after Retry-After, with the same Idempotency-Key.", "请在 Retry-After 之后用相同的 Idempotency-Key 重试。"),
	},
	{
		core.CodeOverloaded, true, both("Overloaded", "系统繁忙"),
		both("More people ask than can be served at this moment; nothing was taken.", "此刻请求的人数超过了处理能力，没有做任何更改。"),
		both(
			"Send the same request again after as many seconds as Retry-After says, with the same Idempotency-Key.",
			"请在 Retry-After 给出的秒数之后，用相同的 Idempotency-Key 重试。",
		),
	},
	{
		core.CodeStorageFull, false, both("Storage full", "存储空间已满"),
		both("The store has no room left.", "存储空间已满。"),
		both("Tell whoever runs the server: room has to be made before anything can be written.", "请通知服务器管理员：腾出空间后才能写入。"),
	},
	{
		core.CodeInternal, false, both("Internal", "内部错误"),
		both("Something went wrong on our side.", "我们这边出了问题。"),
		both("Tell whoever runs the server the `instance`: the cause is in the log under this name.", "请把 instance 告诉服务器管理员，日志中以此为名记录了原因。"),
	},
	{
		CodeUnauthorized, true, both("Unauthorized", "未通过身份验证"),
		both("There are no credentials, or none that are valid.", "没有提供凭据，或凭据无效。"),
		both(
			"Send Authorization: Bearer with a token that has not run out, or with an API key that the server knows.",
			"请在 Authorization: Bearer 中提供未过期的令牌或服务器认可的 API 密钥。",
		),
	},
	{
		CodeForbidden, false, both("Forbidden", "没有权限"),
		both("Your role, or the brand of your key, does not allow this.", "您的角色或密钥所属品牌不允许此操作。"),
		both("Use a key whose role may do this: the documentation lists the roles of every operation.", "请使用具有相应角色的密钥，文档列出了每个接口允许的角色。"),
	},
	{
		core.CodeTooManyKeys, false, both("Too many keys", "密钥过多"),
		both("As many staff keys are live as there may be.", "有效的员工密钥数量已达上限。"),
		both("Revoke keys that nobody uses any more, then try again.", "请先吊销不再使用的密钥，然后重试。"),
	},
	{
		core.CodeReasonRequired, false, both("Reason required", "需要说明原因"),
		both("Shoppers can sign up or buy and notice this change, so a reason is kept with it.", "活动对顾客开放，此更改会影响顾客，因此需要记录原因。"),
		both("Send the same request with `reason`.", "请在请求中加上 reason 后重试。"),
	},
	{
		core.CodeNameTaken, false, both("Name taken", "名称已被占用"),
		both("Somebody outside your brand is called so: no two people share a name in the staff log.", "品牌之外已有人使用此名称：员工日志中不允许两人同名。"),
		both("Choose another name, one that begins with your brand's for instance.", "请换一个名称，例如以品牌名开头。"),
	},
	{
		CodeMalformed, false, both("Malformed", "格式错误"),
		both("The body is not what its media type says.", "请求体与其媒体类型不符。"),
		both("Send a body that is valid, in UTF-8, with no name twice.", "请发送有效的 UTF-8 内容，且名称不重复。"),
	},
	{
		CodeTooLarge, false, both("Too large", "内容过大"),
		both("The body is longer than this operation takes.", "请求体超过该接口允许的长度。"),
		both("Send less at once.", "请减少一次发送的内容。"),
	},
	{
		CodeUnsupportedMedia, false, both("Unsupported media type", "不支持的媒体类型"),
		both("This operation takes another Content-Type.", "该接口需要其他 Content-Type。"),
		both("Send the Content-Type that the detail names.", "请使用 detail 中给出的 Content-Type。"),
	},
	{
		CodeMethodNotAllowed, false, both("Method not allowed", "不允许的方法"),
		both("This path exists, with other methods.", "该路径存在，但不支持此方法。"),
		both("Use one of the methods in the header Allow.", "请使用 Allow 头中列出的方法。"),
	},
	{
		CodeTimeout, false, both("Request timeout", "请求超时"),
		both("The body did not arrive in time.", "请求体未能按时到达。"),
		both("Send the request again.", "请重新发送请求。"),
	},
}

func both(en, zh string) core.Text { return core.Text{EN: en, ZH: zh} }
