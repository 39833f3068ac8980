package echolake

import java.io.ByteArrayOutputStream
import java.lang.{Boolean => JavaBoolean}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{FileAlreadyExistsException => Exists}
import java.util.{Arrays, Iterator => JavaIterator}

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileAlreadyExistsException, FileSystem, Path}
import org.apache.hadoop.fs.s3a.RemoteFileChangedException

import io.delta.storage.S3SingleDriverLogStore

/** Delta's log on S3, where of two writers of one version exactly one wins (decision 0029).
  *
  * Delta's own log store of S3 excludes writers of one driver alone. This one asks the storage to put a commit only
  * where nothing is (If-None-Match: *), as delta-rs does, so that drivers and delta-rs exclude each other too.
  */
class ConditionalLogStore(conf: Configuration) extends S3SingleDriverLogStore(conf) {

  override def write(path: Path, actions: JavaIterator[String], overwrite: JavaBoolean, conf: Configuration): Unit = {
    // All of it before the object is begun: an error in between must not leave half a commit.
    val content = new ByteArrayOutputStream
    while (actions.hasNext) content.write((actions.next() + "\n").getBytes(UTF_8))
    val fs = path.getFileSystem(conf)
    if (overwrite) put(fs, path, content.toByteArray, isConditional = false)
    else
      try put(fs, path, content.toByteArray, isConditional = true)
      catch {
        case _: FileAlreadyExistsException | _: RemoteFileChangedException =>
          // A put whose answer was lost is tried again, and then meets itself; a commit names its own transaction.
          if (!holds(fs, path, content.toByteArray)) throw new Exists(path.toString)
      }
  }

  private def put(fs: FileSystem, path: Path, content: Array[Byte], isConditional: Boolean): Unit = {
    val creation = fs.createFile(path).create().recursive().overwrite(true)
    if (isConditional) creation.must("fs.option.create.conditional.overwrite", true)
    val stream = creation.build()
    stream.write(content)
    stream.close()
  }

  private def holds(fs: FileSystem, path: Path, content: Array[Byte]): Boolean = {
    val stream = fs.open(path)
    try Arrays.equals(stream.readAllBytes(), content)
    finally stream.close()
  }
}
