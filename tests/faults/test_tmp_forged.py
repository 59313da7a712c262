import asyncio
from tests.faults.raw_amqp import *
from tests.faults.test_retry_schedule import _moved
from tests.kit.deployment import Deployment, Options
from tests.kit.load import PROCESS
async def test_forged(servers, tmp_path):
    async with Deployment(servers, tmp_path, Options(queue={"delivery_limit": 2, "retry_delays_s":[0.3,60]})) as d:
        for forged in ("text", 7, [1], ["a"], {"a":1}, [{"reason":"expired"}], [{"reason":"expired","queue":"image_enhance_process","count":1}], [{"reason":"expired","queue":"error.image_enhance_process","count":1,"exchange":"","routing-keys":["x"]}],
              [{"reason":"rejected","queue":"image_enhance_process","count":1,"exchange":"","routing-keys":["x"]}, {"reason":"expired","queue":"retry.image_enhance_process.300ms","count":1,"exchange":"","routing-keys":["x"]},{"reason":"expired","queue":"error.image_enhance_process","count":1,"exchange":"","routing-keys":["x"]}]):
            for how in ("limit","expire"):
                async with raw_channel(servers) as ch:
                    q = PROCESS if how=="limit" else "retry.image_enhance_process.300ms"
                    await publish_raw(ch, q, repr(forged).encode(), {"x-death": forged})
                    if how=="limit":
                        for _ in range(3):
                            [m]=await take_all(ch, PROCESS, 1); await m.nack(requeue=True)
                    to = "error."+PROCESS if how=="limit" else PROCESS
                    dq = await ch.get_queue(to)
                    got=None
                    for _ in range(40):
                        got = await dq.get(fail=False)
                        if got: break
                        await asyncio.sleep(0.1)
                    print(how, forged, "->", got and got.headers.get("x-death"))
                    if got: await got.ack()
        await asyncio.sleep(2); print({k:v for k,v in (await d.totals()).items() if v})
