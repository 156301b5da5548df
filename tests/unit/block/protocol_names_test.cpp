// SPDX-License-Identifier: MIT
// Names of images on other hosts: what options they mean, and what is refused before anything is connected.
#include "block/image.h"
#include "block/protocols/url.h"
#include "objects/table.h"

#include <doctest/doctest.h>
#include <ostream>

using namespace emu;
using namespace emu::block;

namespace {
std::string meaning(std::string_view name) {
    const auto p = protocol_of(name);
    return p ? std::string(p->driver->name) + " " + p->options.text() : p.error().text;
}
std::string refusal(const std::string& options) {
    objects::Table context;
    const auto node = open_image({.name = options, .image_opts = true, .context = &context});
    return node ? "opened" : node.error().text;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
} // namespace

TEST_CASE("url: parts, escapes and queries") {
    const Url url = Url::parse("ssh://us%40er:p%3aw@[::1]:2222/a%20b/c?x=1&y&z=%26#part").value();
    CHECK(url.scheme == "ssh");
    CHECK(url.user == "us@er");
    CHECK(url.password == "p:w");
    CHECK(url.has_password);
    CHECK(url.host == "::1");
    CHECK(url.port == "2222");
    CHECK(url.path == "/a b/c");
    CHECK(url.query.text() == "x=1,y=,z=&");
    CHECK(Url::parse("nfs://h").value().path.empty());
    for (const char* bad : {"", "x", "://h", "a://h:port/", "a://h:123456/", "a://[::1/", "a://[::1]x/", "a://h/%zz", "a://h/%0", "a://h/%00"}) {
        CAPTURE(bad);
        CHECK(!Url::parse(bad));
    }
}

TEST_CASE("names: images on other hosts") {
    CHECK(meaning("http://h/a?b=c") == "http url=http://h/a?b=c");
    CHECK(meaning("ftps://h/a") == "ftps url=ftps://h/a");
    CHECK(meaning("ssh://u@h:23/p/q") == "ssh server.host=h,server.port=23,user=u,path=/p/q");
    CHECK(meaning("ssh://h/p?host_key_check=no") == "ssh server.host=h,path=/p,host-key-check.mode=none");
    CHECK(meaning("ssh://h/p?host_key_check=md5:00:11") == "ssh server.host=h,path=/p,host-key-check.mode=hash,host-key-check.type=md5,host-key-check.hash=00:11");
    CHECK(has(meaning("ssh://h/p?host_key_check=maybe"), "unknown host_key_check"));
    CHECK(has(meaning("ssh://u:pw@h/p"), "password-secret"));
    CHECK(meaning("nfs://h/d/f?uid=5&readahead=4096") == "nfs server.host=h,path=/d/f,user=5,readahead-size=4096");
    CHECK(has(meaning("nfs://h/d/f?uid=x"), "Illegal value"));
    CHECK(meaning("iscsi://u%pw@h:3261/iqn.2001-04.com.example:disk/3") == "iscsi user=u,password=pw,portal=h:3261,target=iqn.2001-04.com.example:disk,lun=3");
    CHECK(meaning("iser://h/iqn.x/0") == "iser transport=iser,portal=h,target=iqn.x,lun=0");
    CHECK(has(meaning("iscsi://h/iqn.x"), "iscsi://"));
    CHECK(meaning("gluster://h/vol/a/b") == "gluster volume=vol,path=a/b,server.0.type=inet,server.0.host=h");
    CHECK(meaning("gluster+unix:///vol/a?socket=/s") == "gluster volume=vol,path=a,server.0.type=unix,server.0.path=/s");
    CHECK(has(meaning("gluster://h/vol"), "invalid URI"));
    CHECK(meaning("rbd:p/i@s:id=me:conf=/c:a=b\\:c") == "rbd pool=p,image=i,snapshot=s,user=me,conf=/c,keyvalue-pairs.0=a=b:c");
    CHECK(meaning("rbd:p/n/i") == "rbd pool=p,namespace=n,image=i");
    CHECK(meaning("nvme://0000:01:00.0/1") == "nvme device=0000:01:00.0,namespace=1");
    CHECK(meaning("fat:32:floppy:rw:label=X:/d:e") == "vvfat fat-type=32,floppy=on,rw=on,label=X,dir=/d:e");
}

TEST_CASE("names: what cannot be opened says why") {
    CHECK(has(refusal("driver=http"), "requires an 'url' option"));
    CHECK(has(refusal("driver=https,url=http://h/x"), "not of the protocol https"));
    CHECK(has(refusal("driver=http,url=http://h/x,readahead=1000"), "multiple of 512"));
    CHECK(has(refusal("driver=ssh,path=/x"), "No hostname"));
    CHECK(has(refusal("driver=ssh,server.host=h,path=/x,host-key-check.mode=hash"), "host-key-check.hash is missing"));
    CHECK(has(refusal("driver=iscsi,portal=h"), "Need all of"));
    CHECK(has(refusal("driver=nfs,server.host=h,path=x"), "Invalid URL"));
    CHECK(has(refusal("driver=gluster,volume=v,path=p"), "please provide 'server'"));
    CHECK(has(refusal("driver=rbd,pool=p"), "'image' is missing"));
    CHECK(has(refusal("driver=nvme,device=1:2,namespace=1"), "no PCI address"));
    CHECK(has(refusal("driver=nvme,device=ffff:ff:1f.7,namespace=1"), "no PCI device"));
    CHECK(has(refusal("driver=vvfat,dir=/no/such/folder"), "No such file"));
}
