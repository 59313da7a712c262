// Publishes one image job, confirmed, and fails when no queue took it.
//   node publish.js AMQP_URL BUSINESS IMAGE IMAGE_URL
const amqp = require('amqplib');

async function main([url, businessId, imageId, imageUrl]) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  let returned = false;
  channel.on('return', () => { returned = true; });
  const job = { business_id: businessId, image_id: imageId, image_url: imageUrl };
  channel.publish('', 'image_enhance_process', Buffer.from(JSON.stringify(job)), { persistent: true, mandatory: true });
  await channel.waitForConfirms();
  await connection.close();
  if (returned) throw new Error('no queue took the job: run `justlens topology apply`');
  console.log('confirmed');
}

main(process.argv.slice(2)).catch((error) => { console.error(error.message); process.exit(1); });
